"""The copies of the project's files that a results folder keeps, so that it can be audited anywhere.

A suite keeps its configuration, the lock, the registry and the published numbers. The latency study keeps its
configuration and the published numbers.
"""

import dataclasses
import functools
import pathlib
import shutil
from collections.abc import Callable

from odelt import files, trace
from odelt.audit.folder import Folder
from odelt.config import CONFIG, Suite, load_suite, suite_named
from odelt.config.latency_study import load_latency_study
from odelt.errors import OdeltError
from odelt.layout.paths import LOCK, PUBLISHED, REGISTRY, STUDY, SUITE
from odelt.provenance.record import Record, read, record_path
from odelt.quoting import one_line, printable, quoted
from odelt.results.references import load_references
from odelt.sources.lock import Lock, load_lock

FILES = (SUITE, LOCK, REGISTRY, PUBLISHED)


def originals(name: str) -> dict[str, pathlib.Path]:
    """The paths of the files that a suite's folder keeps copies of, by the name of the copy."""
    suite = suite_named(name)
    paths = (CONFIG / f"{name}.yaml", suite.downloads.lock, suite.downloads.registry, suite.published)
    return dict(zip(FILES, map(pathlib.Path, paths), strict=True))


def keep(name: str, folder: pathlib.Path) -> None:
    """Copies the suite's files into its folder, if a copy or its record is missing or the original has changed.

    Raises:
        OdeltError: the suite is not valid, or a file cannot be copied.
    """
    for copy, original in originals(name).items():
        if original.exists() or copy == SUITE:
            _copy(original, folder / copy)


def keep_study(study: pathlib.Path, published: pathlib.Path, folder: pathlib.Path) -> None:
    """Copies a latency study's configuration and the published numbers into its folder, as `keep` does.

    Raises:
        OdeltError: one of them cannot be read or is not valid; nothing is copied.
    """
    with trace.separately():
        load_latency_study(study)
        load_references(published)
    _copy(study, folder / STUDY)
    _copy(published, folder / PUBLISHED)


def _copy(original: pathlib.Path, copy: pathlib.Path) -> None:
    if not _is_kept(copy, original):
        with trace.separately(), files.writing(copy) as draft:
            trace.used(original)
            shutil.copyfile(original, draft)


def _is_kept(copy: pathlib.Path, original: pathlib.Path) -> bool:
    are_files = record_path(copy).is_file() and copy.is_file() and original.is_file()
    return are_files and copy.read_bytes() == original.read_bytes()


@dataclasses.dataclass(frozen=True)
class Snapshot:
    """The copies in a suite's folder, those that may be opened."""

    folder: Folder
    prefix: str = ""  # of the suite's files in it

    @functools.cached_property
    def suite(self) -> Suite:
        """Raises OdeltError if the copy is missing or damaged."""
        return self._loaded(SUITE, functools.partial(load_suite, version=self._version))

    @property
    def _version(self) -> str | None:
        """Of odelt, when the copy was made; None: the first version, or unknown."""
        try:
            return read(record_path(self._path(SUITE))).code.version
        except (OSError, ValueError):
            return None

    @functools.cached_property
    def lock(self) -> Lock:
        """Raises OdeltError if the copy is damaged. A missing copy is an empty lock."""
        return self._loaded(LOCK, load_lock) if self.folder.is_file(self.prefix + LOCK) else Lock()

    def _path(self, name: str) -> pathlib.Path:
        return self.folder.root / (self.prefix + name)

    def _loaded(self, name: str, load: Callable):
        if not self.folder.is_file(self.prefix + name):
            raise OdeltError(f"{name} is missing")
        try:
            return load(self._path(name))
        except (OdeltError, OSError) as error:
            reason = str(error).removeprefix(str(self._path(name))).lstrip(": ")
            raise OdeltError(f"cannot be read: {one_line(reason)}") from None


def unlocked(record: Record, lock: Lock) -> list[str]:
    """Describes the files of a download that the lock does not have, or has with another digest."""
    name = str(record.parameters.get("name"))
    source = f"the source {quoted(name)}"
    locked = lock.of(name)
    file = pathlib.PurePosixPath(record.output.path).name
    hashes = record.output.files if record.output.files is not None else {file: record.output.sha256}
    faults = []
    for path, sha256 in sorted(hashes.items()):
        if path not in locked:
            faults.append(f"{printable(path)} of {source} is not in the lock ({LOCK})")
        elif not locked[path].admits(sha256):
            faults.append(f"{printable(path)} of {source} has sha256 {sha256}, the lock ({LOCK}) has {locked[path]}")
    return faults or ([] if hashes else [f"{source} is empty"])
