"""Atomic writes: a file or a directory appears whole under its name, or not at all."""

import contextlib
import fnmatch
import hashlib
import os
import pathlib
import shutil
import tempfile
from collections.abc import Iterator

from odelt import provenance
from odelt.errors import OdeltError
from odelt.quoting import quoted

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


def digest(path: Path) -> str:
    """The sha256 of a file, in hexadecimal."""
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
