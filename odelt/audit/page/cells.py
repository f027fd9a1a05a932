"""Which files the numbers of a published table were read from: its Markdown's cells, held against its CSV's rows."""

import csv
import dataclasses
import pathlib
import re
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from odelt.audit import snapshot
from odelt.audit.page.markdown import Block
from odelt.errors import OdeltError
from odelt.layout.paths import ExperimentPaths
from odelt.publishing import tables, text
from odelt.results.metrics import METRICS
from odelt.results.rows import FULL, steps
from odelt.results.verdicts import NOT_RUN, NOTHING_PUBLISHED

Row = dict[str, str]  # of a CSV file
T = TypeVar("T")
LATENCIES = ("latency_s", "relative_latency", "peak_bytes")  # columns that come from a latency file
# Headings of the Markdown for columns of the CSV; "FID (label)" is read by FID below.
HEADINGS = {
    "evaluations": "evaluations",
    "Fréchet distance": "frechet_distance",
    "latency": "relative_latency",
    "latency, ms": "latency_s",
    "relative latency": "relative_latency",
    "memory, MiB": "peak_bytes",
    "published": "published",
    "difference": "difference",
    **{metric.heading: column for column, metric in METRICS.items()},
}
FID = re.compile(r"FID \((?P<label>.*)\)")
AT = re.compile(r"(?P<heading>.*?), T = (?P<T>\d+)(, w = (?P<guidance>.+))?")
TABLE_OF = re.compile(r"T = (?P<T>\d+), guidance (?P<guidance>.+)")


@dataclasses.dataclass(frozen=True)
class Published:
    """What a number is compared with, as the CSV has it."""

    value: str
    std: str
    source: str  # its key in the published numbers
    statistics: str
    ambiguous: str
    others: str
    difference: str
    verdict: str


@dataclasses.dataclass(frozen=True)
class Cell:
    """A cell as it is shown, the files that its number was read from, and the number in full precision."""

    text: str
    files: tuple[str, ...] = ()
    exact: str = ""
    published: Published | None = None


class Mismatch(Exception):
    """The Markdown and the CSV of a table are not of the same rows."""


@dataclasses.dataclass(frozen=True)
class Files:
    """The files that an experiment's numbers may come from; a name that the audit does not know is none."""

    experiment: str
    known: Callable[[str], bool]
    grid: Sequence[Row]

    def scores(self, row: Row, column: str = "score") -> list[str]:
        return self._known(f"{self.experiment}/{score}" for score in row[column].split())

    def latencies(self, *timed: tuple[str, str]) -> list[str]:
        """Of models by lengths, as the CSV writes them."""
        layout = ExperimentPaths(pathlib.PurePosixPath(self.experiment))
        lengths = [(model, None if length == FULL else int(length)) for model, length in timed]
        return self._known(layout.latency(model, length).as_posix() for model, length in lengths)

    def baseline(self, row: Row) -> list[tuple[str, str]]:
        """The model and length that a relative latency is relative to."""
        found = tables.baselines(self.grid).get((steps(row), row["guidance"]))
        return [(found["model"], found["length"])] if found else []

    def published(self) -> list[str]:
        """The kept copy of the numbers that ours are compared with."""
        return self._known([snapshot.PUBLISHED])

    def _known(self, names: Iterable[str]) -> list[str]:
        return [name for name in dict.fromkeys(names) if self.known(name)]


def linked(table: str, blocks: Sequence[Block], rows: Sequence[Row], files: Files) -> list[list[list[Cell]]]:
    """The cells of each table among the blocks, row by row without the header, in order.

    Raises:
        Mismatch: the rows of the CSV are not those of the Markdown, or have no such columns.
    """
    link = {"grid": _grid, "main": _main, "trade-off": _trade_off, "claims": _claims, "verdicts": _verdicts}[table]
    try:
        return list(link(blocks, rows, files))
    except (LookupError, ValueError, TypeError, AttributeError, OdeltError) as error:
        raise Mismatch(str(error)) from None


def read_csv(content: str) -> list[Row]:
    """The rows of a CSV file's text; none where it is no table."""
    try:
        return list(csv.DictReader(content.splitlines()))
    except csv.Error:
        return []


def _grid(blocks: Sequence[Block], rows: Sequence[Row], files: Files):
    for block in _tables(blocks):
        yield _cells(block, rows, lambda heading, row: (heading, row), files)


def _main(blocks: Sequence[Block], rows: Sequence[Row], files: Files):
    setting = None
    for block in blocks:
        if block.kind == "heading" and (found := TABLE_OF.fullmatch(block.text)):
            setting = found["T"], float(found["guidance"])
        elif block.kind == "table" and setting:
            of_setting = [row for row in rows if (row["T"], float(row["guidance"])) == setting]
            yield _cells(block, of_setting, lambda heading, row: (heading, row), files)
        elif block.kind == "table":
            groups = _groups(rows, ("model", "label", "weights", "length", "effective_blocks"))
            yield _cells(block, list(groups.values()), _at_setting, files)


def _trade_off(blocks: Sequence[Block], rows: Sequence[Row], files: Files):
    key = tables.TRADE_OFF_KEY
    euler = _groups([row for row in files.grid if row["weights"] == "ema" and steps(row) is not None], key)
    places = [euler[tuple(row[column] for column in key)] for row in rows]
    exact = [{id(one): row for one in group} for row, group in zip(rows, places, strict=True)]
    relative = {key: value for one in exact for key, value in one.items()}

    def at(heading: str, group: Sequence[Row]) -> tuple[str, Row]:
        name, row = _at_setting(heading, group)
        own = relative[id(row)] if row else {}
        return name, row | {"relative_latency": own.get(f"relative_latency_T{steps(row)}", "")} if row else {}

    for block in _tables(blocks):
        yield _cells(block, places, at, files)


def _claims(blocks: Sequence[Block], rows: Sequence[Row], files: Files):
    pairs: dict[tuple[str, ...], Row] = {(row["reading"], row["model"], row["baseline"]): row for row in rows}
    for block in _tables(blocks):
        header, *body = block.rows
        of_latency = any(heading.endswith("×") or "× (" in heading for heading in header)
        made = []
        for line in body:
            row = pairs[tuple(line[:3])]
            of_experiment = dataclasses.replace(files, experiment=row["experiment"])
            sides = {}
            for side, model in (("ours", row["model"]), ("sm", row["baseline"])):
                run = bool(row[f"{side}_score"])
                timed = of_experiment.latencies((model, row[f"{side}_length"])) if run and of_latency else []
                sides[side] = (*of_experiment.scores(row, f"{side}_score"), *timed)
            linked = {
                "ours": (sides["ours"], ""),
                "SM": (sides["sm"], ""),
                "best": ((*sides["ours"], *sides["sm"]), row["measured"]),
            }
            made.append(
                [Cell(cell, *linked.get(heading, ((), ""))) for heading, cell in zip(header, line, strict=True)]
            )
        yield made


def _verdicts(blocks: Sequence[Block], rows: Sequence[Row], files: Files):
    """A table for each experiment and kind of number; each row of the CSV is one comparison."""
    groups = _groups(rows, ("experiment", "kind"))
    for block, ((experiment, _), group) in zip(_tables(blocks), groups.items(), strict=True):
        header, *body = block.rows
        of_experiment = dataclasses.replace(files, experiment=experiment)
        made = []
        for line, row in zip(body, group, strict=True):
            known = of_experiment.scores(row) + of_experiment.scores(row, "latency")
            places = dict.fromkeys(("ours", "difference"), known) | {"published": of_experiment.published()}
            told = _published(row | {"published_source": row["source"]})
            made.append(
                [
                    Cell(cell, tuple(places[heading]), row[heading], told)
                    if heading in places and cell not in ("", NOT_RUN)
                    else Cell(cell)
                    for heading, cell in zip(header, line, strict=True)
                ]
            )
        yield made


def _tables(blocks: Sequence[Block]) -> list[Block]:
    return [block for block in blocks if block.kind == "table"]


def _groups(rows: Iterable[Row], key: Sequence[str]) -> dict[tuple[str, ...], list[Row]]:
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row[column] for column in key), []).append(row)
    return groups


def _at_setting(heading: str, group: Sequence[Row]) -> tuple[str, Row]:
    """For "Fréchet distance, T = 4, w = 1" the heading alone, and the row of the group at this T and guidance."""
    found = AT.fullmatch(heading)
    if not found:
        return heading, group[0]
    for row in group:
        guidance = found["guidance"] is None or float(row["guidance"]) == float(found["guidance"])
        if steps({"solver": f"euler:{row['T']}"} if "T" in row else row) == int(found["T"]) and guidance:
            return found["heading"], row
    return found["heading"], {}


def _cells(block: Block, rows: Sequence[T], at: Callable[[str, T], tuple[str, Row]], files: Files):
    """One table's cells; `at` says which column's heading and which row of the CSV a cell is of."""
    header, *body = block.rows
    if len(body) != len(rows):
        raise Mismatch(f"{len(body)} rows in the Markdown, {len(rows)} in the CSV")
    made = []
    for line, row in zip(body, rows, strict=True):
        found = [at(heading, row) for heading in header]
        known = next((one for _, one in found if one), {})
        told = dict(zip(header, line, strict=True))
        if (text.in_csv(told["model"]), told["length (blocks)"]) != (known["label"], text.length(known)):
            raise Mismatch(f"{told['model']} in the Markdown, {known['label']} in the CSV")
        made.append([_cell(cell, *one, files) for cell, one in zip(line, found, strict=True)])
    return made


def _cell(shown: str, heading: str, row: Row, files: Files) -> Cell:
    column = HEADINGS.get(heading) or (f"fid_{found['label']}" if (found := FID.fullmatch(heading)) else None)
    if not row or column is None or shown in ("", NOT_RUN):
        return Cell(shown)
    if column in LATENCIES:
        own = row["model"], row["length"]
        timed = files.latencies(own, *(files.baseline(_with_solver(row)) if column == "relative_latency" else []))
        return Cell(shown, tuple(timed), row.get(column, ""))
    own = files.published() if column == "published" else files.scores(row)
    return Cell(shown, tuple(own), row.get(column, ""), _published(row))


def _with_solver(row: Row) -> Row:
    """A row of the main table has T in place of a solver."""
    return row if "solver" in row else {**row, "solver": f"euler:{row['T']}"}


def _published(row: Row) -> Published | None:
    if row.get("published", NOTHING_PUBLISHED) in ("", NOTHING_PUBLISHED):
        return None
    names = [field.name for field in dataclasses.fields(Published)][1:]
    told = {name: row.get(name if name in ("difference", "verdict") else f"published_{name}", "") for name in names}
    return Published(row["published"], **told)
