"""Atomic writes: a file or a directory appears whole under its name, or not at all."""

import contextlib
import errno
import hashlib
import os
import pathlib
import shutil
import stat
import tempfile
from collections.abc import Iterator

from odelt import provenance
from odelt.errors import OdeltError

Path = str | pathlib.Path
DRAFT = "draft-"  # in the hidden names of what is being written


@contextlib.contextmanager
def writing(path: Path) -> Iterator[pathlib.Path]:
    """Yields a temporary path beside `path` (same suffix) that takes its name when the block ends well."""
    path = pathlib.Path(path)
    with _user_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.stem}-{DRAFT}", suffix=path.suffix, dir=path.parent)
        os.close(handle)
    draft = pathlib.Path(name)
    try:
        with _user_errors(path):
            yield draft
            with draft.open("rb") as file:
                os.fsync(file.fileno())
            draft.chmod(0o666 & ~_umask())
            draft.replace(path)
        provenance.made(path)
    finally:
        draft.unlink(missing_ok=True)


@contextlib.contextmanager
def writing_directory(path: Path) -> Iterator[pathlib.Path]:
    """As `writing`, for the files of a directory; an existing directory gives way, its other files are kept."""
    path = pathlib.Path(path)
    with _user_errors(path):
        if path.exists() and not path.is_dir():
            raise OdeltError(f"{path} is in the way: it is a file, and a directory is to be written there")
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = pathlib.Path(tempfile.mkdtemp(prefix=f".{path.name}-{DRAFT}", dir=path.parent))
    try:
        with _user_errors(path):
            yield draft
            path.mkdir(exist_ok=True)
            for file in sorted(draft.iterdir()):
                file.replace(path / file.name)
                provenance.made(path / file.name)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


@contextlib.contextmanager
def writing_whole(path: Path) -> Iterator[pathlib.Path]:
    """As `writing_directory`, but the directory appears as one thing, in the place of an earlier one."""
    path = pathlib.Path(path)
    with writing_directory(path) as draft:
        whole = draft / "whole"
        whole.mkdir()
        yield whole
        shutil.rmtree(path, ignore_errors=True)
        whole.rename(path)
        provenance.made(path)


def drafts(folder: Path) -> Iterator[pathlib.Path]:
    """What commands that were killed were writing below a folder."""
    return pathlib.Path(folder).rglob(f".*-{DRAFT}*")


def require_regular(path: Path, what: str = "file") -> None:
    """Refuses something that is no regular file, before it is opened: opening a named pipe waits for a writer for ever.

    A path with nothing there is left to the reader, which knows the remedy.

    Args:
        path: what is about to be read; links are followed.
        what: what a message calls it ("image", "suite").

    Raises:
        OdeltError: it is a folder, a named pipe, a socket, a device, or a link to nothing.
    """
    try:
        mode = os.stat(path).st_mode
    except OSError as error:
        if os.path.islink(path) and error.errno in (errno.ENOENT, errno.ELOOP):
            raise OdeltError(f"{path} is a link to nothing: replace or remove it ({what})") from None
        return  # the reader's own error says why
    if not stat.S_ISREG(mode):
        kind = next((name for test, name in _KINDS.items() if test(mode)), "no regular file")
        raise OdeltError(f"{path} is {kind}, where a regular file is needed ({what}): replace it")


_KINDS = {
    stat.S_ISDIR: "a folder",
    stat.S_ISFIFO: "a named pipe",
    stat.S_ISSOCK: "a socket",
    stat.S_ISCHR: "a device",
    stat.S_ISBLK: "a device",
}


def digest(path: Path) -> str:
    """The sha256 of a file, in hexadecimal."""
    require_regular(path)
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise OdeltError(f"cannot read {path}: {error.strerror}") from None


def write_text(path: Path, text: str) -> None:
    with writing(path) as draft:
        draft.write_text(text)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


@contextlib.contextmanager
def _user_errors(path: pathlib.Path) -> Iterator[None]:
    """A full disk or a forbidden folder is told on one line."""
    try:
        yield
    except OSError as error:
        raise OdeltError(f"cannot write {path}: {error.strerror or error}") from error
