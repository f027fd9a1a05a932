"""What the audit page shows, as plain data: the audit's files, the published tables and where their numbers come from.

Everything is taken from the audit or read from its folder, without trusting either: no text has control characters, no
file outside of the folder is opened, and what cannot be read is left out or told.
"""

import csv
import dataclasses
import json
import math
import pathlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

import yaml

from odelt.audit import snapshot
from odelt.audit.audit import Audit
from odelt.audit.chain import EXTERNAL, REMOVED, VERIFIED, Node
from odelt.audit.folder import Folder
from odelt.audit.page import cells, markdown
from odelt.config.registry import load_registry
from odelt.errors import OdeltError
from odelt.layout import paths
from odelt.provenance.record import Record
from odelt.quoting import printable
from odelt.results.references import load_references
from odelt.sources.lock import load_lock, trusted
from odelt.verbs import VERBS

VERDICTS = f"{paths.VERDICTS}.json"
OF_SUITE = (paths.CLAIMS, paths.VERDICTS)
LARGEST = 2**22  # bytes of a table that is still shown
POINTS = 200  # of a training curve
LONGEST = 300  # letters of a parameter's value
LISTED = 50  # files of a folder
T = TypeVar("T")


class Interned:
    """A list in which equal values stand once."""

    def __init__(self):
        self.values: list[Any] = []
        self._places: dict[str, int] = {}

    def place(self, value: Any) -> int:
        """The index of this value."""
        place = self._places.setdefault(json.dumps(value), len(self.values))
        if place == len(self.values):
            self.values.append(value)
        return place


def content(audited: Audit, suite: str, made: str) -> dict:
    """All that the page shows of an audit that ended at `made`."""
    return Content(audited, suite, made).data()


class Content:
    """Gathers the page's data; files are told by their index in the sorted list of all."""

    def __init__(self, audited: Audit, suite: str, made: str):
        self.audited, self.suite, self.made = audited, suite, made
        self.nodes: Mapping[str, Node] = audited.chain.nodes
        self.folder: Folder = audited.chain.folder
        self.places = {name: place for place, name in enumerate(sorted(self.nodes))}
        self.codes, self.environments, self.parameters, self.published = (Interned() for _ in range(4))

    def data(self) -> dict:
        unsound = self._unsound()
        files = [self._file(self.nodes[name], name not in unsound) for name in self.places]
        return {
            "suite": printable(self.suite),
            "audit": self._audit(),
            "verdicts": self._verdicts(unsound),
            "tables": list(self._tables()),
            "files": files,
            "codes": self.codes.values,
            "environments": self.environments.values,
            "parameters": self.parameters.values,
            "published": self.published.values,
            "published_in": self._published_in(),
            "sources": self._sources(),
        }

    def _audit(self) -> dict:
        states = [node.state for node in self.nodes.values()]
        records = [node.record for node in self.nodes.values() if node.record]
        verified, removed = states.count(VERIFIED), states.count(REMOVED)
        devices = {record.environment.device for record in records} - {None}
        commits = sorted({(record.code.commit or "", bool(record.code.dirty)) for record in records})
        return {
            "folder": self.audited.place,
            "digest": self.audited.digest,
            "verified": verified,
            "removed": removed,
            "broken": len(states) - verified - removed,
            "problems": self.audited.problems,
            "made": self.made,
            "commits": [{"commit": commit, "dirty": dirty} for commit, dirty in commits if commit],
            "machines": sorted(map(printable, devices)),
        }

    def _unsound(self) -> set[str]:
        """The files that are not verified themselves, and all that was made from them."""
        return self.audited.chain.resting_on(
            node.name for node in self.nodes.values() if node.state not in (VERIFIED, REMOVED)
        )

    def _file(self, node: Node, sound: bool) -> dict:
        told = {
            "path": printable(node.name),
            "state": node.state,
            "problems": [printable(problem) for problem in node.problems],
            "sound": sound,
            "inputs": [
                [printable(link.name) if link.state == EXTERNAL else self.places[link.name], link.state]
                for link in node.links
            ],
        }
        if node.record:
            told |= self._record(node.record)
        if node.name.endswith("/training.csv") and (curve := _curve(_text(self.folder, node.name))):
            told["curve"] = curve
        return told

    def _record(self, record: Record) -> dict:
        output, code = record.output, record.code.model_dump(mode="json")
        told = {
            "step": VERBS[record.verb].title if record.verb in VERBS else printable(record.verb),
            "verb": printable(record.verb),
            "sha256": output.sha256,
            "bytes": output.bytes,
            "seed": None if record.seed is None else str(record.seed),
            "parameters": self.parameters.place(_flat(record.parameters)),
            "code": self.codes.place(code),
            "environment": self.environments.place(_environment(record)),
            "started": printable(record.started),
            "ended": printable(record.ended),
        }
        if output.files is not None:
            listed = sorted(output.files.items())
            first = [[printable(name), sha256] for name, sha256 in listed[:LISTED]]
            told["files"] = {"count": len(listed), "first": first}
        if record.removed:
            told["removed"] = printable(record.removed)
        if record.verb == "fetch":
            told["source"] = printable(str(record.parameters.get("name")))
        return told

    def _tables(self) -> Iterator[dict]:
        experiments = dict.fromkeys(
            path.parts[0]
            for path in map(pathlib.PurePosixPath, self.nodes)
            if len(path.parts) == 3 and path.parts[1] == paths.TABLES and path.stem in paths.TABLES_OF_EXPERIMENT
        )
        for experiment in experiments:
            grid = cells.read_csv(_text(self.folder, _table_of(experiment, paths.GRID) + ".csv"))
            files = cells.Files(experiment, self.nodes.__contains__, grid)
            for name in paths.TABLES_OF_EXPERIMENT:
                yield from self._table(f"{experiment}/{name}", _table_of(experiment, name), name, files)
        for name in OF_SUITE:
            yield from self._table(name, name, name, cells.Files("", self.nodes.__contains__, ()))

    def _table(self, id: str, path: str, name: str, files: cells.Files) -> Iterator[dict]:
        if f"{path}.md" not in self.nodes:
            return
        parts = markdown.blocks(_text(self.folder, f"{path}.md"))
        unlinked = ""
        try:
            rows = cells.read_csv(_text(self.folder, f"{path}.csv"))
            linked = iter(cells.linked(name, parts, rows, files))
        except cells.Mismatch as mismatch:
            linked, unlinked = None, printable(str(mismatch))[:LONGEST]
        shown = [self._block(part, linked) for part in parts]
        of_table = [self.places[f"{path}{kind}"] for kind in (".md", ".csv") if f"{path}{kind}" in self.nodes]
        yield {"id": printable(id), "files": of_table, "blocks": shown, "unlinked": unlinked}

    def _block(self, block: markdown.Block, linked: Iterator[list[list[cells.Cell]]] | None) -> dict:
        if block.kind == "table":
            header, *body = block.rows
            lines = next(linked) if linked else [[cells.Cell(text) for text in line] for line in body]
            rows = [[self._cell(cell) for cell in line] for line in lines]
            return {"kind": "table", "columns": [printable(heading) for heading in header], "rows": rows}
        if block.kind == "list":
            return {"kind": "list", "items": [printable(item, LARGEST) for item in block.items]}
        return {"kind": block.kind, "text": printable(block.text, LARGEST)}

    def _cell(self, cell: cells.Cell) -> str | list:
        """A text, or [text, files, the exact number, what is published for it or null]."""
        if not cell.files:
            return printable(cell.text)
        published = None
        if cell.published:
            told = {name: printable(value) for name, value in dataclasses.asdict(cell.published).items()}
            published = self.published.place(told)
        return [printable(cell.text), [self.places[name] for name in cell.files], printable(cell.exact), published]

    def _verdicts(self, unsound: set[str]) -> dict | None:
        """What the file of the verdicts says, and in `unverified` why that is not to be relied on, empty if it is."""
        try:
            told = json.loads(_text(self.folder, VERDICTS))["verdicts"]
            said = {name: printable(str(told.get(name) or "")) for name in ("summary", "rule", "against")}
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            said = {}
        unverified = self._unverified(VERDICTS, unsound)
        return {**said, "unverified": unverified} if said or unverified else None

    def _unverified(self, name: str, unsound: set[str]) -> str:
        """Why a file is not verified, in words; empty where it is, and where there is none and never was."""
        if name not in unsound:
            return ""
        problems = self.nodes[name].problems
        if not problems:
            return f"something that {name} was made from is not verified"
        return printable(f"{name} {problems[0].partition(':')[0]}")  # the audit's own list has the digests too

    def _published_in(self) -> dict:
        references = self._kept(snapshot.PUBLISHED, load_references)
        sources = references.sources if references else {}
        told = {key: _flat(source.model_dump(mode="json", exclude_none=True)) for key, source in sources.items()}
        return {printable(key): dict(pairs) for key, pairs in told.items()}

    def _sources(self) -> dict:
        """What was downloaded, by name: what it is, its licence and address, and who vouches for its digest."""
        registry, lock = self._kept(snapshot.REGISTRY, load_registry), self._kept(snapshot.LOCK, load_lock)
        records = [node.record for node in self.nodes.values() if node.record]
        fetched = {str(record.parameters.get("name")) for record in records if record.verb == "fetch"}
        told = {}
        for name, source in (registry.sources if registry else {}).items():
            if name in fetched:
                vouched = trusted(lock, name) if lock and lock.of(name) else "no digest of it is in the lock"
                known = {"what": source.what, "licence": source.licence, "address": source.address, "lock": vouched}
                revision = {"revision": source.hub.revision} if source.hub else {}
                told[name] = _strings(known | revision)
        return told

    def _kept(self, name: str, load: Callable[[pathlib.Path], T]) -> T | None:
        """One of the project's copies in the folder; None where it is missing or damaged, which the audit tells."""
        try:
            return load(self.folder.root / name) if self.folder.is_file(name) else None
        except (OdeltError, OSError, ValueError, RecursionError, yaml.YAMLError):
            return None


def _text(folder: Folder, name: str) -> str:
    """A file's text; empty where there is none, or none that could be shown."""
    path = folder.root / name
    try:
        if folder.is_file(name) and path.stat().st_size <= LARGEST:
            return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        pass
    return ""


def _table_of(experiment: str, name: str) -> str:
    """A table's path without its ending."""
    return paths.ExperimentPaths(pathlib.PurePosixPath(experiment)).table(name, "md").with_suffix("").as_posix()


def _flat(parameters: Mapping[str, Any]) -> list[list[str]]:
    """Nested parameters as pairs of a dotted name and a value's JSON, in their order."""
    pairs = []
    waiting: list[tuple[str, Any]] = list(parameters.items())[::-1]
    while waiting:
        name, value = waiting.pop()
        if isinstance(value, Mapping) and value:
            waiting += [(f"{name}.{key}", one) for key, one in list(value.items())[::-1]]
        elif name != "out":
            pairs.append([printable(name), printable(_value(value))])
    return pairs


def _value(value: Any) -> str:
    try:
        told = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    except RecursionError:
        told = "nested too deeply to be shown"
    return told if len(told) <= LONGEST else f"{told[: LONGEST - 1]}…"


def _environment(record: Record) -> dict:
    known = record.environment
    packages = [[printable(name), printable(version)] for name, version in known.packages.items()]
    settings = [[printable(name), printable(value)] for name, value in known.settings.items()]
    device = printable(known.device or "")
    return {"python": printable(known.python), "packages": packages, "settings": settings, "device": device}


def _curve(text: str) -> dict | None:
    """Steps and losses of a training curve, at most POINTS of them, the last included; None where it has none."""
    try:
        points = [(int(row["step"]), float(row["loss"])) for row in csv.DictReader(text.splitlines())]
    except (csv.Error, LookupError, ValueError, TypeError):
        return None
    points = [(step, loss) for step, loss in points if math.isfinite(loss)]
    if not points:
        return None
    stride = -(-len(points) // POINTS)
    kept = points[-1::-stride][::-1]
    return {"steps": [step for step, _ in kept], "losses": [loss for _, loss in kept]}


def _strings(told: Mapping[str, Any]) -> dict[str, str]:
    return {name: printable(str(value)) for name, value in told.items()}
