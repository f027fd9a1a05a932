"""The page's entry for each audited file: its state, its record, its inputs and, for a training run, its loss curve."""

import csv
import math
from collections.abc import Mapping
from typing import Any

from odelt.audit.chain import EXTERNAL, Chain, Node
from odelt.audit.page.plain_texts import Interned, dotted_pairs, read_text
from odelt.provenance.record import Record
from odelt.quoting import printable
from odelt.verbs import verb_named

CURVE_POINTS = 200
LISTED_FILES = 50  # of a folder


class FileEntries:
    """Builds the entries. Many files share their code, environment and parameters, so entries refer to these by index.

    `index_of` has the index of each file in the page's list.
    """

    def __init__(self, chain: Chain, index_of: Mapping[str, int]):
        self.chain, self.index_of = chain, index_of
        self.codes, self.environments, self.parameters = Interned(), Interned(), Interned()

    def entry(self, node: Node, sound: bool) -> dict[str, Any]:
        """Builds a file's entry. A file is `sound` if it and everything that it was made from is verified."""
        entry: dict[str, Any] = {
            "path": printable(node.name),
            "state": node.state,
            "problems": [printable(problem) for problem in node.problems],
            "sound": sound,
            "inputs": [
                [printable(link.name) if link.state == EXTERNAL else self.index_of[link.name], link.state]
                for link in node.links
            ],
        }
        if node.record:
            entry |= self._record_entry(node.record)
        if node.name.endswith("/training.csv") and (curve := _curve(read_text(self.chain.folder, node.name))):
            entry["curve"] = curve
        return entry

    def _record_entry(self, record: Record) -> dict[str, Any]:
        output, code = record.output, record.code.model_dump(mode="json")
        entry: dict[str, Any] = {
            "step": verb_named(record.verb).title or printable(record.verb),
            "verb": printable(record.verb),
            "sha256": output.sha256,
            "bytes": output.bytes,
            "seed": None if record.seed is None else str(record.seed),
            "parameters": self.parameters.index(dotted_pairs(record.parameters)),
            "code": self.codes.index(code),
            "environment": self.environments.index(_environment(record)),
            "started": printable(record.started),
            "ended": printable(record.ended),
        }
        if output.files is not None:
            hashes = sorted(output.files.items())
            first = [[printable(name), sha256] for name, sha256 in hashes[:LISTED_FILES]]
            entry["files"] = {"count": len(hashes), "first": first}
        if record.removed:
            entry["removed"] = printable(record.removed)
        if record.verb == "fetch":
            entry["source"] = printable(str(record.parameters.get("name")))
        return entry


def _environment(record: Record) -> dict[str, Any]:
    environment = record.environment
    packages = [[printable(name), printable(version)] for name, version in environment.packages.items()]
    settings = [[printable(name), printable(value)] for name, value in environment.settings.items()]
    device = printable(environment.computed_on)
    return {"python": printable(environment.python), "packages": packages, "settings": settings, "device": device}


def _curve(text: str) -> dict[str, list] | None:
    """Reads the steps and losses of a training curve: at most CURVE_POINTS, with the last; None if there are none."""
    try:
        points = [(int(row["step"]), float(row["loss"])) for row in csv.DictReader(text.splitlines())]
    except (csv.Error, LookupError, ValueError, TypeError):
        return None
    points = [(step, loss) for step, loss in points if math.isfinite(loss)]
    if not points:
        return None
    stride = -(-len(points) // CURVE_POINTS)
    thinned = points[-1::-stride][::-1]
    return {"steps": [step for step, _ in thinned], "losses": [loss for _, loss in thinned]}
