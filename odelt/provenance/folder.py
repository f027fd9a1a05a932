"""A folder read without trusting it: nothing outside of it is opened, neither by a path nor by a link."""

import functools
import hashlib
import pathlib
from collections.abc import Iterable

from odelt.provenance import digests, snapshot
from odelt.provenance.record import RETOLD, SUFFIX, Record, beside, canonical, concerns, read, root_of


class Folder:
    """What lies below a folder, by names relative to it; each file is hashed once, each record read once."""

    def __init__(self, root: pathlib.Path):
        self.root = root
        self._resolved = root.resolve()

    def records(self, below: str = "") -> list[str]:
        """The names of all outputs below a folder that have a record."""
        names = (name.removesuffix(SUFFIX) for name in self._files(below) if name.endswith(SUFFIX))
        return sorted(name for name in names if concerns(pathlib.PurePosixPath(name)))

    def unrecorded(self, below: str = "") -> list[str]:
        """Files below a folder that belong to the chain and have no record, nor has a folder that they lie in."""
        known = set(self.records())
        paths = (pathlib.PurePosixPath(name) for name in self._files(below) if not name.endswith(SUFFIX))
        return [
            path.as_posix()
            for path in paths
            if concerns(path) and known.isdisjoint(part.as_posix() for part in (path, *path.parents))
        ]

    def digest(self, names: Iterable[str]) -> str:
        """One sha256 over these outputs' records: what they say, without times and without seals.

        Two sets of records have the same only if every output, input, parameter, module, package, device and commit
        is. A record that cannot be read counts as it lies there. What tells the records again (RETOLD) does not count.
        """
        content = []
        for name in sorted(set(names).difference(RETOLD)):
            record, _ = self.record(name)
            content.append([name, record.lasting if record else self.hash(name + SUFFIX)])
        return hashlib.sha256(canonical(content)).hexdigest()

    def has_record(self, name: str) -> bool:
        return self.is_there(name + SUFFIX)

    def is_inside(self, path: pathlib.Path) -> bool:
        try:
            return path.resolve().is_relative_to(self._resolved)
        except (OSError, RuntimeError, ValueError):  # a loop of links, a name that no file can have
            return False

    def is_there(self, name: str) -> bool:
        path = self.root / name
        try:
            return self.is_inside(path) and path.exists()
        except (OSError, ValueError):
            return False

    def is_file(self, name: str) -> bool:
        return self.is_there(name) and (self.root / name).is_file()

    @functools.cache  # noqa: B019 - a tree lives as long as one audit
    def found(self, name: str) -> digests.Found | str:
        """What a file or a folder is, or why that cannot be said."""
        path = self.root / name
        try:
            parts = list(digests.files_of(path)) if path.is_dir() else [path]
            if strange := next((part for part in parts if not (part.is_file() and self.is_inside(part))), None):
                return f"holds something that is no file of this folder: {strange.relative_to(self.root)}"
            return digests.find(path)
        except OSError as error:
            return f"cannot be read: {error.strerror}"

    def hash(self, name: str) -> str | None:
        found = self.found(name)
        return found.sha256 if isinstance(found, digests.Found) else None

    @functools.cache  # noqa: B019
    def record(self, name: str) -> tuple[Record | None, str]:
        """The record beside a file, or what is wrong with it."""
        path = beside(self.root / name)
        if not self.is_inside(path):
            return None, "its record is a link that leads out of the folder; it is not followed"
        try:
            if not path.exists():
                return None, "has no record"
            if not path.is_file():
                return None, "its record is no file"
            return read(path), ""
        except (OSError, ValueError) as error:
            return None, f"its record cannot be read: {' '.join(str(error).split())[:160]}"

    def _files(self, below: str) -> list[str]:
        return sorted(file.relative_to(self.root).as_posix() for file in digests.files_of(self.root / below))


def folder_of(path: pathlib.Path) -> tuple[pathlib.Path, bool]:
    """The folder that is audited when somebody points at an absolute path, and whether it is a suite's.

    That is the suite's folder, else the path itself or, of a file, the folder that it lies in.
    """
    folders = [path, *path.parents] if path.is_dir() else list(path.parents)
    for folder in folders:
        if (folder / snapshot.SUITE).exists() or beside(folder / snapshot.SUITE).exists():
            return folder, True
    root, suite = root_of(path / "file" if path.is_dir() else path)
    return (root, True) if suite else (folders[0], False)


def is_plain(path: str) -> bool:
    """Whether a path is relative and goes down only, in the one way to write it."""
    pure = pathlib.PurePosixPath(path)
    goes_down = pure.parts and not pure.is_absolute() and ".." not in pure.parts
    return bool(goes_down) and pure.as_posix() == path and "\0" not in path
