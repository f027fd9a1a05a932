"""Atomic writes: a file or a directory appears whole under its name, or not at all."""

import contextlib
import errno
import fnmatch
import hashlib
import os
import pathlib
import shutil
import stat
import tempfile
from collections.abc import Iterator

from odelt import trace
from odelt.errors import OdeltError
from odelt.quoting import one_line, quoted

Path = str | pathlib.Path
DRAFT = "draft-"  # in the hidden names of what is being written
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # a full disk, a used quota, a file above the limit


def require_free(path: Path, *, folder: bool = False) -> None:
    """OdeltError unless a file (or a folder's files) can be written at `path`; an earlier one may be there.

    The command line asks this before the work starts. A folder, a device, a pipe, a socket or a link to nothing is
    refused where a file is to be written, and so is a path below something that is no folder.
    """
    path = pathlib.Path(path)
    mode = _mode(path)
    if mode is None and path.is_symlink():
        raise OdeltError(f"{path} is a link to nothing: remove it, or choose another path")
    if folder and mode is not None and not stat.S_ISDIR(mode):
        raise OdeltError(f"{path} is in the way: it is no folder, and a folder is to be written there")
    if not folder and mode is not None and stat.S_ISDIR(mode):
        raise OdeltError(f"{path} is in the way: it is a folder, and a file is to be written there")
    if not folder and mode is not None and not stat.S_ISREG(mode):
        raise OdeltError(f"{path} is no regular file, so nothing is written there: choose another path")
    above = next((parent for parent in path.absolute().parents if _mode(parent) is not None), path)
    if not above.is_dir() or not os.access(above, os.W_OK | os.X_OK):
        raise OdeltError(f"{path} cannot be written: {above} is no folder that you may write in; choose another path")


def inside(folder: Path, name: Path) -> pathlib.Path:
    """The path of a file `name` in a folder; OdeltError where the name, or a link on its way, leads out of it."""
    path = pathlib.Path(folder) / name
    if not path.resolve().is_relative_to(pathlib.Path(folder).resolve()):
        raise OdeltError(f"{quoted(name)} leads out of {folder}: nothing is read or written there")
    return path


@contextlib.contextmanager
def writing(path: Path) -> Iterator[pathlib.Path]:
    """Yields a temporary path beside `path` (same suffix) that takes its name when the block ends well."""
    path = pathlib.Path(path)
    require_free(path)
    with _user_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.stem}-{DRAFT}", suffix=path.suffix, dir=path.parent)
        os.close(handle)
        draft = pathlib.Path(name)
        try:
            yield draft
            with draft.open("rb") as file:
                os.fsync(file.fileno())
            draft.chmod(0o666 & ~_umask())
            draft.replace(path)
            trace.made(path)
        finally:
            draft.unlink(missing_ok=True)


@contextlib.contextmanager
def writing_directory(path: Path) -> Iterator[pathlib.Path]:
    """As `writing`, for the files of a directory; an existing directory gives way, its other files are kept."""
    path = pathlib.Path(path)
    require_free(path, folder=True)
    with _user_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = pathlib.Path(tempfile.mkdtemp(prefix=f".{path.name}-{DRAFT}", dir=path.parent))
        try:
            yield draft
            path.mkdir(exist_ok=True)
            for file in sorted(draft.iterdir()):
                if file.is_file():
                    file.chmod(0o666 & ~_umask())  # libraries write files that only their owner can read
                file.replace(path / file.name)
                trace.made(path / file.name)
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
        trace.made(path)


def below(folder: Path) -> Iterator[pathlib.Path]:
    """Every file and folder below a folder; links to folders are not followed, and a missing folder holds nothing.

    Raises:
        OdeltError: a folder cannot be read. What it holds is not passed over.
    """
    for parent, folders, names in os.walk(folder, onerror=_refuse):
        yield from (pathlib.Path(parent, name) for name in (*folders, *names))


def _refuse(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):  # what went away meanwhile holds nothing
        path = quoted(error.filename)
        raise OdeltError(f"cannot read {path}: {error.strerror}; give yourself access to it, or remove it") from None


def drafts(folder: Path) -> Iterator[pathlib.Path]:
    """What commands that were killed were writing below a folder; OdeltError where a folder cannot be read."""
    return (path for path in below(folder) if fnmatch.fnmatchcase(path.name, f".*-{DRAFT}*"))


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
        draft.write_text(text, encoding="utf-8")


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _mode(path: pathlib.Path) -> int | None:
    """What lies at the end of a path, links followed; None where nothing does."""
    try:
        return path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:  # a name that is too long, a loop of links, a folder that is closed
        raise OdeltError(f"cannot look at {path}: {error.strerror}") from None


@contextlib.contextmanager
def _user_errors(path: pathlib.Path) -> Iterator[None]:
    """A full disk or a forbidden folder is told on one line."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or one_line(error)
        remedy = ": make room; the same command goes on" if error.errno in NO_ROOM else ""
        raise OdeltError(f"cannot write {path}: {reason}{remedy}") from error
