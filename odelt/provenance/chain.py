"""The chain from a file back to its sources: every file held against its record, every record against the others.

Whatever the records hold, there is an answer for each of them.
"""

import dataclasses
import graphlib
from collections.abc import Iterable

from odelt.errors import OdeltError
from odelt.provenance import digests, parameters, snapshot
from odelt.provenance.folder import Folder, is_plain
from odelt.provenance.record import Input, Record
from odelt.provenance.snapshot import Snapshot, unlocked

VERIFIED, BROKEN, MISSING, REMOVED, EXTERNAL = "verified", "broken", "missing", "removed as temporary", "external"
MADE_FROM = "was made from"  # how a fault begins that is not the file's own
COPIES = ("snapshot", "latency-snapshot")  # verbs whose outputs are copies of the project's files
FROM_NOTHING = ("fetch", "prepare-data")  # verbs whose outputs are made from no file: downloads, scikit-learn's digits


@dataclasses.dataclass(frozen=True)
class Link:
    """From a file to one that it was made from."""

    input: Input
    name: str  # of the input, below the folder that is audited; for an external one what the record calls it
    state: str


@dataclasses.dataclass
class Node:
    """A file, or a folder that has one record, and what was found out about it."""

    name: str
    state: str
    record: Record | None = None
    links: list[Link] = dataclasses.field(default_factory=list)
    problems: list[str] = dataclasses.field(default_factory=list)


class Chain:
    """What was found out about the files of one folder, by their names below it."""

    def __init__(self, folder: Folder):
        self.folder = folder
        self.nodes: dict[str, Node] = {}
        self._snapshots: dict[str, Snapshot] = {}

    def follow(self, names: Iterable[str]) -> None:
        """Follows these files back to their sources, and with them what the suite's folder keeps of the project."""
        waiting = list(names)
        while waiting:
            name = waiting.pop()
            if name not in self.nodes:
                node = self.nodes[name] = self._node(name)
                waiting += [link.name for link in node.links if link.state != EXTERNAL]
                if node.record and node.record.suite:
                    prefix = self._prefix(name, node.record) or ""
                    kept = [prefix + file for file in snapshot.FILES if self.folder.has_record(prefix + file)]
                    waiting += [prefix + self._configuration(prefix), *kept]
        self._tell_cycles()

    def _node(self, name: str) -> Node:
        node = Node(name, VERIFIED)
        told = node.problems.append
        record, fault = self.folder.record(name)
        there = self.folder.is_there(name)
        if record is None:
            node.state = BROKEN if there else MISSING
            told(fault if there or fault != "has no record" else "is missing, and so is its record")
            return node
        node.record = record
        prefix = self._prefix(name, record)
        if prefix is None:
            node.state = BROKEN
            told(f"its record is that of another file ({record.output.path})")
            return node
        self._check_file(node, prefix)
        for fault in self._check_record(record, prefix):
            node.state = BROKEN
            told(fault)
        for input in record.inputs:
            self._link(node, input, prefix)
        if not record.inputs and record.verb not in FROM_NOTHING:
            node.state = BROKEN
            told(f"its record names nothing that it was made from ('{record.verb}')")
        return node

    def _check_file(self, node: Node, prefix: str) -> None:
        """Is the output what its record says?"""
        output = node.record.output
        if not self.folder.is_there(node.name):
            if not self.folder.is_inside(self.folder.root / node.name):
                node.state = BROKEN
                node.problems.append("is a link that leads out of the folder; it is not followed")
            elif node.record.removed or self._is_temporary(prefix, output.path):
                node.state = REMOVED
            else:
                node.state = MISSING
                node.problems.append(f"is missing; it had sha256 {output.sha256}")
            return
        found = self.folder.found(node.name)
        if isinstance(found, str):
            node.state = BROKEN
            node.problems.append(found)
        elif (found.sha256, found.bytes) != (output.sha256, output.bytes):
            node.state = BROKEN
            which = _which(output.files, found.files)
            node.problems.append(
                f"is not what was recorded{which}: recorded sha256 {output.sha256}, found {found.sha256}"
            )
        elif (output.files is not None) != (found.files is not None) or output.files != found.files:
            node.state = BROKEN
            node.problems.append("its record's list of files is not that of its digest")

    def _check_record(self, record: Record, prefix: str) -> Iterable[str]:
        """Is the record whole, of this suite, and with the suite's parameters?"""
        if record.seal != record.proper_seal:
            yield "its record was edited: its content and its seal do not agree"
        suite = self._suite_name(prefix)
        if suite and record.suite != suite:
            yield f"its record is of another suite, '{record.suite}'; this folder is of '{suite}'"
        if record.suite is None:
            return
        if self._configuration(prefix) == snapshot.STUDY:
            yield from parameters.differences_of_study(record)
            return
        kept = self._snapshot(prefix)
        # A copy that cannot be read is told once, of itself.
        try:
            if record.verb == "fetch" or record.output.path == snapshot.LOCK:
                lock = kept.lock
                yield from unlocked(record, lock) if record.verb == "fetch" else ()
        except OdeltError as error:
            if record.output.path == snapshot.LOCK:
                yield str(error)
        try:
            for told in parameters.differences(kept.suite, record):
                yield told if told == parameters.LEFT_OVER else f"was made with other parameters: {told}"
        except OdeltError as error:
            if record.output.path == snapshot.SUITE and snapshot.SUITE in kept.readable:
                yield str(error)

    def _link(self, node: Node, input: Input, prefix: str) -> None:
        """Is the input what this file was made from?"""
        told = node.problems.append
        if input.external:
            node.links.append(Link(input, input.path, EXTERNAL))
            if fault := self._external(node.record, input, prefix):
                node.state = BROKEN
                told(fault)
            return
        name = prefix + input.path
        if not is_plain(input.path):
            node.state = BROKEN
            told(f"its record names a path outside of the folder, {input.path!r}; it is not followed")
            return
        if not self.folder.is_inside(self.folder.root / name):
            node.state = BROKEN
            told(f"{MADE_FROM} {name}, which is behind a link that leads out of the folder; it is not followed")
            return
        state = self._state_of_input(name, input, prefix)
        node.links.append(Link(input, name, state))
        if state == BROKEN:
            known = self.folder.found(name) if self.folder.is_there(name) else None
            found = known.sha256 if isinstance(known, digests.Found) else "what cannot be read"
            if known is None:
                record, _ = self.folder.record(name)
                found = f"one that was recorded with {record.output.sha256} and removed" if record else "nothing"
            node.state = BROKEN
            told(f"{MADE_FROM} another {name}: recorded sha256 {input.sha256}, found {found}")
        elif state == MISSING:
            node.state = BROKEN
            told(f"{MADE_FROM} {name}, which is missing; it had sha256 {input.sha256}")

    def _state_of_input(self, name: str, input: Input, prefix: str) -> str:
        if self.folder.is_there(name):
            found = self.folder.found(name)
            return VERIFIED if isinstance(found, digests.Found) and found.sha256 == input.sha256 else BROKEN
        record, _ = self.folder.record(name)
        if record is None or not (record.removed or self._is_temporary(prefix, record.output.path)):
            return MISSING
        return REMOVED if record.output.sha256 == input.sha256 else BROKEN

    def _external(self, record: Record, input: Input, prefix: str) -> str | None:
        """What is wrong with an input from outside of the folder: it has to be one of the project's kept copies, or
        copied in the output itself, or what the configuration says that the user brings."""
        if record.verb in COPIES:
            same = input.sha256 == record.output.sha256
            return None if same else f"is no copy of {input.path}: that had sha256 {input.sha256}"
        if record.output.files and input.sha256 in record.output.files.values():
            return None
        for file in (*snapshot.FILES, snapshot.STUDY):
            if self.folder.is_there(prefix + file) and self.folder.hash(prefix + file) == input.sha256:
                return None
        try:
            brought = [dataset.path for dataset in self._snapshot(prefix).suite.datasets.values() if dataset.path]
        except OdeltError:
            brought = []
        if any(parameters.is_external_name(input.path, path) for path in brought):
            return None
        kept = f"no copy of it is kept here, and it is not in the lock ({snapshot.LOCK})"
        return f"was made from {input.path} outside of the folder (sha256 {input.sha256}): {kept}"

    def _tell_cycles(self) -> None:
        graph = {
            name: {link.name for link in node.links if link.state != EXTERNAL} for name, node in self.nodes.items()
        }
        while True:
            try:
                graphlib.TopologicalSorter(graph).prepare()
                return
            except graphlib.CycleError as error:
                first, *others = dict.fromkeys(reversed(error.args[1]))
                self.nodes[first].state = BROKEN
                self.nodes[first].problems.append(
                    f"is made from itself, by way of {', '.join(others) or 'nothing else'}"
                )
                graph[first] = set()

    def _prefix(self, name: str, record: Record) -> str | None:
        """Where the folder that the record's paths start from lies below ours; None where the record is another's."""
        path = record.output.path
        if not is_plain(path) or not (name == path or name.endswith("/" + path)):
            return None
        prefix = name.removesuffix(path)
        return prefix if not prefix or not self.folder.is_there(snapshot.SUITE) else None

    def _configuration(self, prefix: str) -> str:
        """The copy that says what is made in this folder: a suite's, or the latency study's."""
        of_study = self.folder.has_record(prefix + snapshot.STUDY) and not self.folder.is_there(prefix + snapshot.SUITE)
        return snapshot.STUDY if of_study else snapshot.SUITE

    def _snapshot(self, prefix: str) -> Snapshot:
        if prefix not in self._snapshots:
            readable = [file for file in snapshot.FILES if self.folder.is_file(prefix + file)]
            self._snapshots[prefix] = Snapshot(self.folder.root / prefix, frozenset(readable))
        return self._snapshots[prefix]

    def _suite_name(self, prefix: str) -> str | None:
        """The suite whose folder this is, by the record of its configuration."""
        record, _ = self.folder.record(prefix + snapshot.SUITE)
        return record.suite if record else None

    def _is_temporary(self, prefix: str, path: str) -> bool:
        try:
            return self._snapshot(prefix).is_temporary(path)
        except OdeltError:
            return False


def _which(recorded: dict[str, str] | None, found: dict[str, str] | None) -> str:
    """Which files of a folder differ, the first of them by name."""
    if not recorded or not found:
        return ""
    names = sorted(name for name in recorded.keys() | found.keys() if recorded.get(name) != found.get(name))
    return f" ({', '.join(names[:3])}{' and more' if len(names) > 3 else ''})" if names else ""
