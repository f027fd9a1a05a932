"""The chain from a file back to its sources. It compares every file with its record, and the records with each other.

Any content of the records gives an answer.
"""

import dataclasses
import graphlib
from collections.abc import Iterable

from odelt.audit.folder import NO_RECORD, Folder, is_plain
from odelt.audit.kept import Kept
from odelt.provenance.record import RETOLD, Input, Record
from odelt.quoting import printable, quoted
from odelt.verbs import verb_named

VERIFIED, BROKEN, MISSING, REMOVED, EXTERNAL = "verified", "broken", "missing", "removed as temporary", "external"
MADE_FROM = "was made from"
LEADS_AWAY = "is a link that leads out of the folder; it is not followed"


@dataclasses.dataclass(frozen=True)
class Link:
    """A link from a file to an input that it was made from."""

    input: Input
    name: str  # of the input, below the audited folder; an external input has the name in the record
    state: str


@dataclasses.dataclass(frozen=True)
class Problem:
    """A problem of a file."""

    text: str
    cause: str | None = None  # the name of the file or folder to blame, if it is another
    shared: bool = False  # other files may have the same problem, and for the same reason


@dataclasses.dataclass
class Node:
    """A file, or a folder with a single record, and what the audit knows about it."""

    name: str
    state: str
    record: Record | None = None
    links: list[Link] = dataclasses.field(default_factory=list)
    faults: list[Problem] = dataclasses.field(default_factory=list)
    outside: list[str] = dataclasses.field(default_factory=list)  # origins of a file of no suite that are not here

    @property
    def problems(self) -> list[str]:
        return [fault.text for fault in self.faults]

    def fail(self, text: str, state: str = BROKEN, **more) -> None:
        self.state = state
        self.faults.append(Problem(text, **more))


class Chain:
    """The audited files of one folder, by their names below it."""

    def __init__(self, folder: Folder):
        self.folder = folder
        self.nodes: dict[str, Node] = {}
        self.inputs_first: list[str] = []  # the names, each after its inputs; in a cycle some are before theirs
        self._kept = Kept(folder)

    def follow(self, names: Iterable[str]) -> None:
        """Follows these files, and the copies of the project's files that belong to them, back to their sources."""
        waiting = list(names)
        while waiting:
            name = waiting.pop()
            if name not in self.nodes:
                node = self.nodes[name] = self._node(name)
                waiting += [link.name for link in node.links if link.state != EXTERNAL]
                if node.record and node.record.suite:
                    waiting += self._kept.files(self._kept.prefix(name, node.record) or "")
        self.inputs_first = self._ordered()
        self._compare_crates()

    def resting_on(self, names: Iterable[str]) -> set[str]:
        """These files, and all files that were made from them, directly or not."""
        followers: dict[str, list[str]] = {}
        for node in self.nodes.values():
            for link in node.links:
                if link.state != EXTERNAL:
                    followers.setdefault(link.name, []).append(node.name)
        waiting, resting = list(names), set()
        while waiting:
            name = waiting.pop()
            if name not in resting:
                resting.add(name)
                waiting += followers.get(name, [])
        return resting

    def _node(self, name: str) -> Node:
        node = Node(name, VERIFIED)
        if fault := self.folder.unreadable.get(name):
            node.fail(f"cannot be read: {fault}")
            return node
        if (closed := self.folder.closed(name)) is not None:
            text = f"cannot be read: it is in the folder {quoted(closed)}, to which you have no access"
            node.fail(text, cause=closed, shared=True)
            return node
        record, fault = self.folder.record(name)
        if record is None:
            self._fail_without_record(node, fault)
            return node
        node.record = record
        prefix = self._kept.prefix(name, record)
        if prefix is None:
            node.fail(f"its record is that of another file ({printable(record.output.path)})")
            return node
        self._check_file(node, record, prefix)
        for text in self._kept.faults(record, prefix):
            node.fail(text)
        for input in record.inputs:
            self._link(node, record, input, prefix)
        if not record.inputs and not verb_named(record.verb).from_nothing:
            node.fail(f"its record names nothing that it was made from ({quoted(record.verb)})")
        if record.verb == "fetch" and self._is_of_no_suite(record, prefix):
            node.outside.append(f"the download {quoted(record.parameters.get('name'))}")
        return node

    def _fail_without_record(self, node: Node, fault: str) -> None:
        if self.folder.leads_away(node.name):
            node.fail(LEADS_AWAY)
        elif self.folder.is_linked_folder(node.name):
            node.fail("is a link to a folder; it is not followed")
        elif self.folder.is_there(node.name):
            node.fail(fault)
        else:
            node.fail("is missing, and so is its record" if fault == NO_RECORD else fault, MISSING)

    def _check_file(self, node: Node, record: Record, prefix: str) -> None:
        """Compares the output with its record."""
        output = record.output
        if not self.folder.is_there(node.name):
            self._check_missing(node, record, prefix)
            return
        content = self.folder.content(node.name)
        if isinstance(content, str):
            node.fail(content)
        elif (content.sha256, content.bytes) != (output.sha256, output.bytes):
            which = _which(output.files, content.files)
            node.fail(f"is not what was recorded{which}: recorded sha256 {output.sha256}, found {content.sha256}")
        elif output.files != content.files:
            node.fail("its record's list of files is not that of its digest")

    def _check_missing(self, node: Node, record: Record, prefix: str) -> None:
        if self.folder.leads_away(node.name):
            node.fail(LEADS_AWAY)
        elif self._kept.may_be_gone(record, prefix):
            node.state = REMOVED
        else:
            marked = "; its record says that it was removed, but `odelt clean` removes no such file"
            node.fail(f"is missing; it had sha256 {record.output.sha256}{marked if record.removed else ''}", MISSING)

    def _link(self, node: Node, record: Record, input: Input, prefix: str) -> None:
        """Links the file to an input, and compares the input with what the record says of it."""
        name = prefix + input.path
        if input.external or self._is_from_outside(record, input, prefix):
            self._link_outside(node, record, input, prefix)
            return
        if not is_plain(input.path):
            node.fail(f"its record names a path outside of the folder, {quoted(input.path)}; it is not followed")
            return
        made_from = f"{MADE_FROM} {printable(name)}"
        if not self.folder.is_inside(self.folder.root / name):
            text = f"{made_from}, which is behind a link that leads out of the folder; it is not followed"
            node.fail(text, shared=True)
            return
        state = self._state_of_input(name, input, prefix)
        node.links.append(Link(input, name, state))
        if state == BROKEN:
            node.fail(self._another(name, input), cause=name, shared=True)
        elif state == MISSING:
            node.fail(f"{made_from}, which is missing; it had sha256 {input.sha256}", cause=name, shared=True)

    def _link_outside(self, node: Node, record: Record, input: Input, prefix: str) -> None:
        """Links the file to an input whose origin is outside of the folder."""
        name = prefix + input.path
        node.links.append(Link(input, input.path, EXTERNAL))
        if not self._is_of_no_suite(record, prefix):
            if fault := self._kept.fault_of_external(record, input, prefix):
                node.fail(fault, shared=True)
        elif not input.external and self.folder.is_there(name) and self.folder.hash(name) != input.sha256:
            node.fail(self._another(name, input), shared=True)
        else:
            node.outside.append(f"{printable(input.path)} (sha256 {input.sha256})")

    def _another(self, name: str, input: Input) -> str:
        return f"{MADE_FROM} another {printable(name)}: recorded sha256 {input.sha256}, found {self._now(name)}"

    def _now(self, name: str) -> str:
        """Says what the folder has instead of a recorded input."""
        if self.folder.is_there(name):
            return self.folder.hash(name) or "what cannot be read"
        record, _ = self.folder.record(name)
        return f"one that was recorded with {record.output.sha256} and removed" if record else "nothing"

    def _state_of_input(self, name: str, input: Input, prefix: str) -> str:
        if self.folder.is_there(name):
            return VERIFIED if self.folder.hash(name) == input.sha256 else BROKEN
        record, _ = self.folder.record(name)
        if record is None or not self._kept.may_be_gone(record, self._kept.prefix(name, record) or prefix):
            return MISSING
        return REMOVED if record.output.sha256 == input.sha256 else BROKEN

    def _is_of_no_suite(self, record: Record, prefix: str) -> bool:
        return record.suite is None and not self._kept.has_suite(prefix)

    def _is_from_outside(self, record: Record, input: Input, prefix: str) -> bool:
        """Whether a file of no suite has this input from outside. Such an input has no record here."""
        name = prefix + input.path
        if not self._is_of_no_suite(record, prefix) or not is_plain(input.path):
            return False
        behind = self.folder.closed(name) is not None or self.folder.leads_away(name)
        return not behind and self.folder.record(name)[1] == NO_RECORD

    def _compare_crates(self) -> None:
        """Compares each crate with the records that it is derived from, unless a closed folder hides some of them."""
        if self.folder.unreadable:
            return
        verified = [(node, node.record) for node in self.nodes.values() if node.state == VERIFIED and node.record]
        for node, record in verified:
            if record.output.path in RETOLD:  # whatever verb its record names
                from odelt.audit.crate import check

                prefix = self._kept.prefix(node.name, record)
                suite = Folder(self.folder.root / prefix) if prefix else self.folder
                for text in check.differences(suite, record):
                    node.fail(text)

    def _ordered(self) -> list[str]:
        """Orders the files, each after its inputs. Reports cycles; of each, a file that may come before its inputs."""
        graph = {
            name: [link.name for link in node.links if link.state != EXTERNAL]
            for name, node in sorted(self.nodes.items())
        }
        while True:
            try:
                return list(graphlib.TopologicalSorter(graph).static_order())
            except graphlib.CycleError as error:
                first, *others = dict.fromkeys(reversed(error.args[1]))
                way = ", ".join(map(printable, others)) or "nothing else"
                self.nodes[first].fail(f"is made from itself, by way of {way}")
                graph[first] = []


def _which(recorded: dict[str, str] | None, actual: dict[str, str] | None) -> str:
    """Names the first files of a folder that differ."""
    if not recorded or not actual:
        return ""
    names = sorted(name for name in recorded.keys() | actual.keys() if recorded.get(name) != actual.get(name))
    first = ", ".join(map(printable, names[:3]))
    return f" ({first}{' and more' if len(names) > 3 else ''})" if names else ""
