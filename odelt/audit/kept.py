"""Checks a folder's records against the copies of the configuration that the folder keeps."""

from collections.abc import Iterator

from odelt.audit import snapshot
from odelt.audit.folder import Folder, is_plain
from odelt.audit.snapshot import Snapshot, unlocked
from odelt.errors import OdeltError
from odelt.layout import removable
from odelt.provenance import parameters
from odelt.provenance.record import STUDY, SUITE, Input, Record
from odelt.quoting import printable, quoted
from odelt.verbs import verb_named


class Kept:
    """The suites and latency studies in a folder. The prefix of its files' names identifies each.

    The prefix is empty if the folder is the suite's own. A folder of several suites, as `results`, has one for each.
    """

    def __init__(self, folder: Folder):
        self.folder = folder
        self._snapshots: dict[str, Snapshot] = {}

    def prefix(self, name: str, record: Record) -> str | None:
        """The prefix of the paths in a file's record; None if the record is another file's."""
        path = record.output.path
        if not is_plain(path) or not (name == path or name.endswith("/" + path)):
            return None
        prefix = name.removesuffix(path)
        return prefix if not prefix or not self.folder.is_there(SUITE) else None

    def files(self, prefix: str) -> list[str]:
        """The names of a suite's or a study's copies."""
        kept = [prefix + file for file in snapshot.FILES if self.folder.has_record(prefix + file)]
        return [prefix + self.configuration(prefix), *kept]

    def configuration(self, prefix: str) -> str:
        """The name of the copied configuration: a suite's, or the latency study's."""
        of_study = self.folder.has_record(prefix + STUDY) and not self.folder.is_there(prefix + SUITE)
        return STUDY if of_study else SUITE

    def has_suite(self, prefix: str) -> bool:
        """Whether the folder has the copied configuration of a suite or a study, or its record."""
        copies = (prefix + SUITE, prefix + STUDY)
        return any(self.folder.is_there(copy) or self.folder.has_record(copy) for copy in copies)

    def faults(self, record: Record, prefix: str) -> Iterator[str]:
        """What is wrong with a record. It must be whole, of this suite, and have the suite's parameters."""
        if record.seal != record.proper_seal:
            yield "its record was edited: its content and its seal do not agree"
        suite = self._suite_name(prefix)
        if suite and record.suite != suite:
            named = "of no suite" if record.suite is None else f"of another suite, {quoted(record.suite)}"
            yield f"its record is {named}; this folder is of {quoted(suite)}"
        if record.suite is None:
            return
        if self.configuration(prefix) == STUDY:
            yield from parameters.differences_of_study(record)
            return
        yield from self._faults_of_lock(record, prefix)
        yield from self._faults_of_parameters(record, prefix)

    def fault_of_external(self, record: Record, input: Input, prefix: str) -> str | None:
        """What is wrong with an input from outside of the folder. It must be one of the kept copies, or be copied into
        the output, or be a dataset that the configuration leaves to the user."""
        if verb_named(record.verb).copies:
            same = input.sha256 == record.output.sha256
            return None if same else f"is no copy of {printable(input.path)}: that had sha256 {input.sha256}"
        if record.output.files and input.sha256 in record.output.files.values():
            return None
        for file in (*snapshot.FILES, STUDY):
            if self.folder.is_there(prefix + file) and self.folder.hash(prefix + file) == input.sha256:
                return None
        try:
            brought = [dataset.path for dataset in self.snapshot(prefix).suite.datasets.values() if dataset.path]
        except OdeltError:  # the copy's own fault says so
            brought = []
        if any(parameters.is_external_name(input.path, path) for path in brought):
            return None
        kept = f"no copy of it is kept here, and it is not in the lock ({snapshot.LOCK})"
        return f"was made from {printable(input.path)} outside of the folder (sha256 {input.sha256}): {kept}"

    def may_be_gone(self, record: Record, prefix: str) -> bool:
        """Whether an output may be missing: the workflow removes it by itself, or `odelt clean` said that it did."""
        try:
            suite, path = self.snapshot(prefix).suite, record.output.path
        except OdeltError:  # the copy's own fault says so
            return False
        return removable.is_temporary(suite, path) or bool(record.removed and removable.may_be_removed(suite, path))

    def snapshot(self, prefix: str) -> Snapshot:
        return self._snapshots.setdefault(prefix, Snapshot(self.folder, prefix))

    def _suite_name(self, prefix: str) -> str | None:
        """The name of the folder's suite, by the record of its configuration."""
        record, _ = self.folder.record(prefix + SUITE)
        return record.suite if record else None

    def _faults_of_lock(self, record: Record, prefix: str) -> Iterator[str]:
        is_lock = record.output.path == snapshot.LOCK
        if record.verb != "fetch" and not is_lock:
            return
        try:
            lock = self.snapshot(prefix).lock
        except OdeltError as error:
            if is_lock:  # once, of the copy itself
                yield str(error)
            return
        if record.verb == "fetch":
            yield from unlocked(record, lock)

    def _faults_of_parameters(self, record: Record, prefix: str) -> Iterator[str]:
        kept = self.snapshot(prefix)
        try:
            differing = parameters.differences(kept.suite, record)
        except OdeltError as error:
            if record.output.path == SUITE and self.folder.is_file(prefix + SUITE):  # once, of the copy itself
                yield str(error)
            return
        yield from differing.lines("was made with other parameters")
