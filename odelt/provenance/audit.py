"""The audit: from a file back to its sources, as a tree that a person can read, and as plain data."""

import dataclasses
import os
import pathlib
from collections.abc import Iterator, Sequence

from odelt.errors import OdeltError
from odelt.provenance.chain import EXTERNAL, MADE_FROM, REMOVED, VERIFIED, Chain, Node
from odelt.provenance.folder import Folder, folder_of
from odelt.provenance.record import PAGES, RETOLD, SUFFIX


@dataclasses.dataclass(frozen=True)
class Audit:
    """What was found out about one suite's folder, starting from some of its files."""

    chain: Chain
    starts: tuple[str, ...]
    digest: str

    @property
    def place(self) -> str:
        """The folder, as it is shown."""
        return _shown(self.chain.folder.root)

    @property
    def problems(self) -> list[str]:
        """One line each, naming the file: first what is wrong in itself, then what was made from that."""
        told = [(fault, node.name) for node in self.chain.nodes.values() for fault in node.problems]
        told.sort(key=lambda one: (one[0].startswith(MADE_FROM), one[1]))
        return [one_line(f"{self.path(name)}: {fault}") for fault, name in told]

    def path(self, name: str) -> str:
        return one_line(name if self.place == "." else f"{self.place}/{name}")

    def lines(self) -> Iterator[str]:
        """The tree: each file with what it was made from below it; what was shown above is not unfolded again."""
        shown: set[str] = set()
        # Not by recursion: a chain may be as long as somebody likes.
        waiting = [(self.path(name), self.chain.nodes[name], 0) for name in reversed(self.starts)]
        while waiting:
            told, node, depth = waiting.pop()
            if isinstance(node, str):
                yield f"{'  ' * depth}{told}: {node}"
                continue
            again = node.name in shown and node.links
            how = f" ({_made_by(node)})" if node.record else ""
            yield f"{'  ' * depth}{told}: {node.state}{how}{', see above' if again else ''}"
            if not again:
                shown.add(node.name)
                for link in reversed(node.links):
                    external = f"{EXTERNAL}, sha256 {link.input.sha256}"
                    known = external if link.state == EXTERNAL else self.chain.nodes[link.name]
                    waiting.append((one_line(link.name), known, depth + 1))

    def data(self) -> dict:
        """All of it as plain data."""
        return {
            "folder": self.place,
            "verified": not self.problems,
            "digest": self.digest,
            "files": {one_line(name): _data(node) for name, node in sorted(self.chain.nodes.items())},
            "problems": self.problems,
        }

    def summary(self) -> str:
        states = [node.state for node in self.chain.nodes.values()]
        removed = f", {states.count(REMOVED)} {REMOVED}" if REMOVED in states else ""
        bad = len(states) - states.count(VERIFIED) - states.count(REMOVED)
        return f"{self.place}: {states.count(VERIFIED)} verified{removed}, {bad} not; digest {self.digest}"


def audit(paths: Sequence[pathlib.Path]) -> list[Audit]:
    """Audits each folder that these paths lie in, from those paths on; a folder's path stands for all files below it.

    Raises:
        OdeltError: a path does not exist and has no record, or is outside of the chain.
    """
    starts: dict[tuple[pathlib.Path, bool], list[pathlib.Path]] = {}
    for path in paths:
        absolute = pathlib.Path(os.path.abspath(path))
        if not absolute.name:
            raise OdeltError(f"{absolute} is no folder of results: name one, or a file in it")
        starts.setdefault(folder_of(absolute), []).append(absolute)
    return [_audit(root, whole, asked) for (root, whole), asked in starts.items()]


def _audit(root: pathlib.Path, is_suite: bool, asked: Sequence[pathlib.Path]) -> Audit:
    folder = Folder(root)
    chain = Chain(folder)
    names: list[str] = []
    every: list[str] = []  # of folders: all that is to be verified, whether or not something is made from it
    for path in asked:
        name = path.relative_to(root).as_posix().removesuffix(SUFFIX)
        recorded = path.with_name(path.name + SUFFIX).exists()
        if path.is_dir() and not recorded:
            below = "" if name == "." else name
            found = [*folder.records(below), *folder.unrecorded(below)]
            if not found:
                raise OdeltError(
                    f"{_shown(path)} holds nothing that could be audited: no record (*{SUFFIX}) lies there"
                )
            every += found
        elif path.suffix == PAGES:
            raise OdeltError(
                f"{_shown(path)} is a page, and pages are outside of the chain: audit the files that it shows"
            )
        elif not (path.exists() or recorded):
            raise OdeltError(f"{_shown(path)} is missing, and it has no record")
        else:
            names.append(name)
    chain.follow([*names, *every])
    consumed = {link.name for node in chain.nodes.values() if node.name not in RETOLD for link in node.links}
    ends = sorted((name for name in dict.fromkeys(every) if name not in consumed), key=RETOLD.__contains__)
    # Of a suite, the digest is that of all its records; elsewhere there may be anything beside what is followed.
    counted = folder.records() if is_suite else [name for name in chain.nodes if folder.has_record(name)]
    return Audit(chain, tuple(dict.fromkeys([*names, *ends])), folder.digest(counted))


def _made_by(node: Node) -> str:
    record = node.record
    seed = "" if record.seed is None else f", seed {record.seed}"
    had = f", had sha256 {record.output.sha256}" if node.state == REMOVED else ""
    return one_line(f"{record.verb}{seed}, {record.ended}{had}")


def _data(node: Node) -> dict:
    record = node.record
    links = [{"path": link.name, "sha256": link.input.sha256, "state": link.state} for link in node.links]
    content = {"state": node.state, "problems": node.problems, "inputs": links}
    return content | ({"record": record.model_dump(mode="json")} if record else {})


def _shown(root: pathlib.Path) -> str:
    here = pathlib.Path.cwd()
    return root.relative_to(here).as_posix() if root.is_relative_to(here) else str(root)


def one_line(text: str) -> str:
    """Whatever a record holds: no line breaks, no control characters."""
    return "".join(letter if letter.isprintable() else "�" for letter in text)
