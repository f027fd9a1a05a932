"""Reads a folder without trusting it: neither a path nor a link makes it open a file outside of the folder."""

import functools
import hashlib
import os
import pathlib
from collections.abc import Iterable

from odelt.errors import OdeltError
from odelt.provenance import digests
from odelt.provenance.record import RETOLD, SUFFIX, SUITE, Record, canonical, concerns, read, record_path, root_of
from odelt.quoting import one_line, printable, quoted

NO_RECORD = "has no record"


class Folder:
    """The files below a folder, by names relative to it. It hashes each file once, and reads each record once."""

    def __init__(self, root: pathlib.Path):
        self.root = root
        self.unreadable: dict[str, str] = {}  # folders that cannot be listed, and why
        self._resolved = root.resolve()

    def records(self, below: str = "") -> list[str]:
        """The names of all outputs below a folder that have a record."""
        names = (name.removesuffix(SUFFIX) for name in self._files(below) if name.endswith(SUFFIX))
        return sorted(name for name in names if concerns(pathlib.PurePosixPath(name)))

    def unrecorded(self, below: str = "") -> list[str]:
        """The names below a folder that belong to the chain, but have no record and no folder with a record above them.

        They are files, links to folders, and folders that cannot be read.
        """
        known = set(self.records())
        names = [name for name in self._files(below) if not name.endswith(SUFFIX)]
        unreadable = [name for name in self.unreadable if f"{name}/".startswith(f"{below}/" if below else "")]
        paths = map(pathlib.PurePosixPath, [*names, *unreadable])
        return [
            path.as_posix()
            for path in paths
            if concerns(path) and known.isdisjoint(part.as_posix() for part in (path, *path.parents))
        ]

    def recorded_folder(self, name: str) -> str | None:
        """The folder above a file whose record stands for the file."""
        parents = (parent.as_posix() for parent in pathlib.PurePosixPath(name).parents)
        return next((parent for parent in parents if parent != "." and self.has_record(parent)), None)

    def digest(self, names: Iterable[str]) -> str:
        """One sha256 over the content of these outputs' records, without times and seals.

        Two sets of records have the same digest only if all outputs, inputs, parameters, modules, packages, devices and
        commits are the same. A record that cannot be read counts by its bytes. Outputs derived from records (RETOLD)
        do not count.
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

    # The functions of os.path answer False of a name that no file can have, and where the system refuses.

    def is_there(self, name: str) -> bool:
        return self.is_inside(self.root / name) and os.path.exists(self.root / name)

    def is_file(self, name: str) -> bool:
        return self.is_inside(self.root / name) and os.path.isfile(self.root / name)

    def is_linked_folder(self, name: str) -> bool:
        return os.path.islink(self.root / name) and self.is_there(name) and os.path.isdir(self.root / name)

    def leads_away(self, name: str) -> bool:
        """Whether a name is a link out of the folder, or is behind such a link."""
        return os.path.lexists(self.root / name) and not self.is_inside(self.root / name)

    def closed(self, name: str) -> str | None:
        """The folder above a name to which this user has no access; None if there is none."""
        path = pathlib.PurePosixPath(name + SUFFIX)
        for part in (*reversed(path.parents), path):
            try:
                os.lstat(self.root / part)
            except PermissionError:
                return part.parent.as_posix()
            except (OSError, ValueError):
                return None
        return None

    @functools.cache  # noqa: B019 - a tree lives as long as one audit
    def content(self, name: str) -> digests.Content | str:
        """Hashes a file or a folder. A text says why that is not possible."""
        path = self.root / name
        try:
            parts = list(digests.files_of(path)) if path.is_dir() else [path]
            if strange := next((part for part in parts if not (part.is_file() and self.is_inside(part))), None):
                return f"holds something that is no file of this folder: {printable(strange.relative_to(self.root))}"
            return digests.find(path)
        except OSError as error:
            file = error.filename
            inner = file is not None and pathlib.Path(file) != path
            which = f" ({printable(os.path.relpath(file, path))})" if file is not None and inner else ""
            return f"cannot be read{which}: {error.strerror}"

    def hash(self, name: str) -> str | None:
        content = self.content(name)
        return content.sha256 if isinstance(content, digests.Content) else None

    @functools.cache  # noqa: B019
    def record(self, name: str) -> tuple[Record | None, str]:
        """Reads the record of a file, or says what is wrong with it."""
        path = record_path(self.root / name)
        if not self.is_inside(path):
            return None, "its record is a link that leads out of the folder; it is not followed"
        try:
            if not path.exists():
                return None, NO_RECORD
            if not path.is_file():
                return None, "its record is no file"
            return read(path), ""
        except OSError as error:
            return None, f"its record cannot be read: {error.strerror}"
        except ValueError as error:
            return None, f"its record cannot be read: {one_line(error)}"

    def _files(self, below: str) -> list[str]:
        files = digests.files_of(self.root / below, unreadable=self._note)
        return sorted(file.relative_to(self.root).as_posix() for file in files)

    def _note(self, error: OSError) -> None:
        name = pathlib.Path(error.filename).relative_to(self.root)
        if concerns(name):
            self.unreadable[name.as_posix()] = str(error.strerror)


def folder_of(path: pathlib.Path) -> tuple[pathlib.Path, bool]:
    """Returns the folder to audit for an absolute path, and whether it is a suite's.

    This is the suite's folder if there is one. Else it is the path itself or, for a file, the folder that holds it.

    Raises:
        OdeltError: the path is behind a folder to which this user has no access.
    """
    try:
        folders = [path, *path.parents] if path.is_dir() else list(path.parents)
    except OSError as error:
        raise OdeltError(f"{quoted(path)} cannot be read: {error.strerror}") from None
    # The record comes first: a crate holds a copy of the configuration, but not of its record.
    for kept in (record_path(pathlib.Path(SUITE)), pathlib.Path(SUITE)):
        for folder in folders:
            if os.path.exists(folder / kept):
                return folder, True
    root, suite = root_of(path / "file" if folders[0] == path else path)
    return (root, True) if suite else (folders[0], False)


def is_plain(path: str) -> bool:
    """Whether a path is relative, goes down only, and is written in the normal form."""
    pure = pathlib.PurePosixPath(path)
    goes_down = pure.parts and not pure.is_absolute() and ".." not in pure.parts
    return bool(goes_down) and pure.as_posix() == path and "\0" not in path
