"""What a file or a folder is, by its content: sha256 and bytes. A folder's digest is that of the list of its files."""

import dataclasses
import hashlib
import os
import pathlib
from collections.abc import Iterable, Iterator

from odelt.files import require_regular

LARGE = 2**30  # bytes; what is at least so large has a stamp in its record, so that a reader need not hash it again


@dataclasses.dataclass(frozen=True)
class Found:
    sha256: str
    bytes: int
    files: dict[str, str] | None = None  # a folder's: sha256 by path within it


def find(path: pathlib.Path) -> Found:
    """Reads all of a file, or of every file of a folder.

    Raises OSError where that cannot be done, and OdeltError where it is neither.

    A folder's digest is the sha256 of the lines `<sha256>  <path>` of its files, sorted by path, as `sha256sum` writes
    them. Hidden files are no part of it: Snakemake leaves a mark there.
    """
    if not path.is_dir():
        require_regular(path)
        with path.open("rb") as file:
            return Found(hashlib.file_digest(file, "sha256").hexdigest(), os.fstat(file.fileno()).st_size)
    parts = {file.relative_to(path).as_posix(): find(file) for file in files_of(path)}
    listed = {name: part.sha256 for name, part in sorted(parts.items())}
    return Found(manifest_digest(listed), sum(part.bytes for part in parts.values()), listed)


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
    lines = sorted(f"{file.relative_to(path).as_posix()} {stamp(file)}\n" for file in files_of(path))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def files_of(folder: pathlib.Path) -> Iterator[pathlib.Path]:
    """The files below a folder, none of them hidden or in a hidden folder; links to folders are not followed."""
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (pathlib.Path(parent, name) for name in names if not name.startswith("."))
