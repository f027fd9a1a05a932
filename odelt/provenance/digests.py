"""What a file or a folder is, by its content: sha256 and bytes. A folder's digest is that of the list of its files."""

import dataclasses
import errno
import hashlib
import os
import pathlib
from collections.abc import Callable, Iterable, Iterator

from odelt.files import require_regular

LARGE = 2**30  # bytes; what is at least so large has a stamp in its record, so that a reader need not hash it again


@dataclasses.dataclass(frozen=True)
class Content:
    """The content of a file or a folder."""

    sha256: str
    bytes: int
    files: dict[str, str] | None = None  # a folder's: sha256 by path within it


def find(path: pathlib.Path) -> Content:
    """Reads all of a file, or every file of a folder.

    A folder's digest is the sha256 of the lines `<sha256>  <path>` of its files, sorted by path, as `sha256sum` writes
    them. Hidden files do not count, because Snakemake writes some. A link to a folder counts with that folder's digest.

    Raises:
        OSError: something cannot be read.
        OdeltError: the path is neither a regular file nor a folder.
    """
    if not path.is_dir():
        require_regular(path)
        with path.open("rb") as file:
            return Content(hashlib.file_digest(file, "sha256").hexdigest(), os.fstat(file.fileno()).st_size)
    parts = {file.relative_to(path).as_posix(): find(file) for file in _parts(path)}
    listed = {name: part.sha256 for name, part in sorted(parts.items())}
    return Content(manifest_digest(listed), sum(part.bytes for part in parts.values()), listed)


def of_files(folder: pathlib.Path, names: Iterable[str]) -> str:
    """The digest of a folder of which only these files count, by their paths within it; they may lie behind links."""
    return manifest_digest({name: find(folder / name).sha256 for name in names})


def manifest_digest(listed: dict[str, str]) -> str:
    """The digest of a folder with these files."""
    lines = "".join(f"{listed[name]}  {name}\n" for name in sorted(listed))
    return hashlib.sha256(lines.encode(errors="surrogateescape")).hexdigest()  # a name may be no UTF-8


def stamp(path: pathlib.Path) -> str:
    """Changes when a file, or one of a folder's, is written again: sizes and times of change, not content."""
    if not path.is_dir():
        status = path.stat()
        return f"{status.st_size} {status.st_mtime_ns}"
    lines = sorted(f"{file.relative_to(path).as_posix()} {stamp(file)}\n" for file in _parts(path))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _raise(error: OSError) -> None:
    raise error


def files_of(folder: pathlib.Path, unreadable: Callable[[OSError], None] = _raise) -> Iterator[pathlib.Path]:
    """The files below a folder, none of them hidden or in a hidden folder; a link to a folder is one of them.

    `unreadable` gets the error of each folder that cannot be read, with its `filename`; without it the first is raised.
    """
    for parent, folders, names in os.walk(folder, onerror=unreadable):
        folders[:] = [name for name in folders if not name.startswith(".")]
        links = (name for name in folders if os.path.islink(os.path.join(parent, name)))
        yield from (pathlib.Path(parent, name) for name in (*names, *links) if not name.startswith("."))


def _parts(folder: pathlib.Path) -> Iterator[pathlib.Path]:
    """The files of a folder; OSError where a link leads back up, which would have no end."""
    for file in files_of(folder):
        if file.is_symlink() and folder.resolve().is_relative_to(file.resolve()):
            raise OSError(errno.ELOOP, "it holds a link to a folder that it is in", str(file))
        yield file
