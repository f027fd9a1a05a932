"""The audit: it follows files back to their sources. People read it in brief, programs as plain data."""

import dataclasses
import functools
import os
import pathlib
from collections.abc import Iterator, Sequence

from odelt.audit import causes, tree
from odelt.audit.chain import REMOVED, VERIFIED, Chain, Node
from odelt.audit.folder import Folder, folder_of
from odelt.errors import OdeltError
from odelt.provenance.record import PAGES, RETOLD, SUFFIX
from odelt.quoting import printable, quoted

WHOLE, NOT_VERIFIED, OF_NO_SUITE = 0, 1, 3  # exit statuses
# No digest covers these. Of the workflow's files, the records have the commit only.
NOT_COVERED = "pages are not covered, nor are logs and checkpoints"


@dataclasses.dataclass(frozen=True)
class Audit:
    """The result of an audit of one folder, from some of its files on."""

    chain: Chain
    starts: tuple[str, ...]
    asked: tuple[str, ...]  # the files among them that were asked for by name
    digest: str
    is_suite: bool

    @property
    def folder_name(self) -> str:
        """The folder's path, as messages show it."""
        return _shown(self.chain.folder.root)

    @functools.cached_property
    def problems(self) -> list[str]:
        """One line for each problem, with the file: first the files' own problems, then those that follow."""
        faults = [(fault, node.name) for node in self.chain.nodes.values() for fault in node.faults]
        faults.sort(key=lambda pair: (pair[0].shared, pair[1]))
        return [printable(f"{self.path(name)}: {fault.text}") for fault, name in faults]

    @functools.cached_property
    def causes(self) -> list[str]:
        """The problems that do not only follow from another, and the number of files that follow."""
        return [printable(f"{self.path(cause.name)}: {cause.message}") for cause in causes.causes(self.chain)]

    @functools.cached_property
    def origins(self) -> list[str]:
        """The origins outside of the folder, of files of no suite; each once."""
        return list(dict.fromkeys(origin for node in self.chain.nodes.values() for origin in node.outside))

    @property
    def status(self) -> int:
        """0: every link is verified; 1: something is not; 3: of no suite, with an origin outside, otherwise whole."""
        if self.problems:
            return NOT_VERIFIED
        return OF_NO_SUITE if self.origins else WHOLE

    def path(self, name: str) -> str:
        return tree.path(self.folder_name, name)

    def lines(self) -> Iterator[str]:
        """The tree."""
        return tree.lines(self.chain, self.starts, self.folder_name)

    def brief(self) -> Iterator[str]:
        """A line for each file that was asked for by name."""
        for name in self.asked:
            yield f"{self.path(name)}: {tree.summary(self.chain.folder, self.chain.nodes[name])}"

    def summary(self) -> Iterator[str]:
        """Lines with the origin, if it is outside, and with the number of verified files and the digest."""
        if self.origins:
            more = f" and {len(self.origins) - 1} more" if len(self.origins) > 1 else ""
            yield f"{self.folder_name}: of no suite, and its origin is outside of the folder: {self.origins[0]}{more}"
        states = [node.state for node in self.chain.nodes.values()]
        removed = f", {states.count(REMOVED)} {REMOVED}" if REMOVED in states else ""
        bad = len(states) - states.count(VERIFIED) - states.count(REMOVED)
        crate = ", nor the crate's copies of the workflow" if self.chain.folder.has_record("crate") else ""
        limits = f" ({NOT_COVERED}{crate})" if self.is_suite and not self.origins else ""
        yield f"{self.folder_name}{limits}: {states.count(VERIFIED)} verified{removed}, {bad} not; digest {self.digest}"

    def data(self) -> dict:
        """The audit as plain data."""
        return {
            "folder": self.folder_name,
            "verified": self.status == WHOLE,
            "status": self.status,
            "digest": self.digest,
            "files": {printable(name): _data(node) for name, node in sorted(self.chain.nodes.items())},
            "problems": self.problems,
            "causes": self.causes,
            "origins": self.origins,
        }


def audit(paths: Sequence[pathlib.Path]) -> list[Audit]:
    """Audits each folder that contains these paths, from those paths on. A path of a folder stands for all its files.

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


def status(audits: Sequence[Audit]) -> int:
    """The exit status of several audits: 1 if any has 1, else 3 if any has 3, else 0."""
    statuses = {audited.status for audited in audits}
    return next((status for status in (NOT_VERIFIED, OF_NO_SUITE) if status in statuses), WHOLE)


def _audit(root: pathlib.Path, is_suite: bool, asked: Sequence[pathlib.Path]) -> Audit:
    folder = Folder(root)
    names: list[str] = []
    every: list[str] = []  # all files below the folders that were asked for
    for path in asked:
        name = path.relative_to(root).as_posix().removesuffix(SUFFIX)
        if path.is_dir() and not folder.has_record(name):
            every += _all_below(folder, path, "" if name == "." else name)
        else:
            names.append(_output_of(folder, path, name))
    chain = Chain(folder)
    chain.follow([*names, *every])
    consumed = {link.name for node in chain.nodes.values() if node.name not in RETOLD for link in node.links}
    ends = sorted((name for name in dict.fromkeys(every) if name not in consumed), key=RETOLD.__contains__)
    # A suite's digest covers all its records. Another folder may hold unrelated files, so only those followed count.
    counted = folder.records() if is_suite else [name for name in chain.nodes if folder.has_record(name)]
    starts = tuple(dict.fromkeys([*names, *ends]))
    return Audit(chain, starts, tuple(dict.fromkeys(names)), folder.digest(counted), is_suite)


def _all_below(folder: Folder, path: pathlib.Path, below: str) -> list[str]:
    names = [*folder.records(below), *folder.unrecorded(below)]
    if not names:
        raise OdeltError(f"{quoted(_shown(path))} holds nothing that could be audited: it has no record (*{SUFFIX})")
    return names


def _output_of(folder: Folder, path: pathlib.Path, name: str) -> str:
    """The name of the output that the path is, or is part of."""
    if path.suffix == PAGES:
        shown = quoted(_shown(path))
        raise OdeltError(f"{shown} is a page, and pages are outside of the chain: audit the files that it shows")
    if folder.has_record(name):
        return name
    if above := folder.recorded_folder(name):
        return above
    if not os.path.lexists(path):
        raise OdeltError(f"{quoted(_shown(path))} is missing, and it has no record; name a file or a folder of results")
    return name


def _data(node: Node) -> dict:
    record = node.record
    links = [{"path": link.name, "sha256": link.input.sha256, "state": link.state} for link in node.links]
    content = {"state": node.state, "problems": node.problems, "inputs": links}
    return content | ({"record": record.model_dump(mode="json")} if record else {})


def _shown(root: pathlib.Path) -> str:
    here = pathlib.Path.cwd()
    return printable(root.relative_to(here).as_posix() if root.is_relative_to(here) else root)
