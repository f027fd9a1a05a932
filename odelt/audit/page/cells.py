"""Links the cells of a published table, as its Markdown shows them, to the files that its CSV's rows name."""

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
class Comparison:
    """The published number that a cell compares with, as the CSV has it."""

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
    """A cell's text, the files that its number comes from, and the number in full precision."""

    text: str
    files: tuple[str, ...] = ()
    exact: str = ""
    comparison: Comparison | None = None


class Mismatch(Exception):
    """The Markdown and the CSV of a table have different rows."""


@dataclasses.dataclass(frozen=True)
class Origins:
    """Names the files that an experiment's numbers come from. It leaves out names that the audit does not know."""

    experiment: str
    known: Callable[[str], bool]
    grid: Sequence[Row]

    def scores(self, row: Row, column: str = "score") -> list[str]:
        return self._known(f"{self.experiment}/{score}" for score in row[column].split())

    def latencies(self, *timed: tuple[str, str]) -> list[str]:
        """Names the latency files of pairs of a model and a length, as the CSV writes them."""
        layout = ExperimentPaths(pathlib.PurePosixPath(self.experiment))
        lengths = [(model, None if length == FULL else int(length)) for model, length in timed]
        return self._known(layout.latency(model, length).as_posix() for model, length in lengths)

    def baseline(self, row: Row) -> list[tuple[str, str]]:
        """The model and length that a relative latency is relative to."""
        baseline = tables.baselines(self.grid).get((steps(row), row["guidance"]))
        return [(baseline["model"], baseline["length"])] if baseline else []

    def published(self) -> list[str]:
        """Names the folder's copy of the published numbers."""
        return self._known([snapshot.PUBLISHED])

    def _known(self, names: Iterable[str]) -> list[str]:
        return [name for name in dict.fromkeys(names) if self.known(name)]


def link(table: str, blocks: Sequence[Block], rows: Sequence[Row], origins: Origins) -> dict[int, list[list[Cell]]]:
    """Links the cells of each block that is a table. The keys are indices of blocks; the rows have no header.

    Raises:
        Mismatch: the rows of the CSV are not those of the Markdown, or lack a column.
    """
    linker = {"grid": _grid, "main": _main, "trade-off": _trade_off, "claims": _claims, "verdicts": _verdicts}[table]
    numbers = [number for number, block in enumerate(blocks) if block.kind == "table"]
    try:
        return dict(zip(numbers, linker(blocks, rows, origins), strict=True))
    except (LookupError, ValueError, TypeError, AttributeError, OdeltError) as error:
        raise Mismatch(str(error)) from None


def read_csv(content: str) -> list[Row]:
    """Reads the rows of a CSV file's text; the list is empty if the text is no table."""
    try:
        return list(csv.DictReader(content.splitlines()))
    except csv.Error:
        return []


def _grid(blocks: Sequence[Block], rows: Sequence[Row], origins: Origins):
    for block in _tables(blocks):
        yield _cells(block, rows, lambda heading, row: (heading, row), origins)


def _main(blocks: Sequence[Block], rows: Sequence[Row], origins: Origins):
    setting = None
    for block in blocks:
        if block.kind == "heading" and (match := TABLE_OF.fullmatch(block.text)):
            setting = match["T"], float(match["guidance"])
        elif block.kind == "table" and setting:
            of_setting = [row for row in rows if (row["T"], float(row["guidance"])) == setting]
            yield _cells(block, of_setting, lambda heading, row: (heading, row), origins)
        elif block.kind == "table":
            groups = _groups(rows, ("model", "label", "weights", "length", "effective_blocks"))
            yield _cells(block, list(groups.values()), _at_setting, origins)


def _trade_off(blocks: Sequence[Block], rows: Sequence[Row], origins: Origins):
    key = tables.TRADE_OFF_KEY
    euler = _groups([row for row in origins.grid if row["weights"] == "ema" and steps(row) is not None], key)
    groups = [euler[tuple(row[column] for column in key)] for row in rows]
    # The CSV has the relative latencies of a whole group in one row.
    relative = {id(point): row for row, group in zip(rows, groups, strict=True) for point in group}

    def at(heading: str, group: Sequence[Row]) -> tuple[str, Row]:
        name, row = _at_setting(heading, group)
        own = relative[id(row)] if row else {}
        return name, row | {"relative_latency": own.get(f"relative_latency_T{steps(row)}", "")} if row else {}

    for block in _tables(blocks):
        yield _cells(block, groups, at, origins)


def _claims(blocks: Sequence[Block], rows: Sequence[Row], origins: Origins):
    pairs: dict[tuple[str, ...], Row] = {(row["reading"], row["model"], row["baseline"]): row for row in rows}
    for block in _tables(blocks):
        header, *body = block.rows
        of_latency = any(heading.endswith("×") or "× (" in heading for heading in header)
        made = []
        for line in body:
            row = pairs[tuple(line[:3])]
            of_experiment = dataclasses.replace(origins, experiment=row["experiment"])
            sides = {}
            for side, model in (("ours", row["model"]), ("sm", row["baseline"])):
                run = bool(row[f"{side}_score"])
                timed = of_experiment.latencies((model, row[f"{side}_length"])) if run and of_latency else []
                sides[side] = (*of_experiment.scores(row, f"{side}_score"), *timed)
            links = {
                "ours": (sides["ours"], ""),
                "SM": (sides["sm"], ""),
                "best": ((*sides["ours"], *sides["sm"]), row["measured"]),
            }
            made.append([Cell(cell, *links.get(heading, ((), ""))) for heading, cell in zip(header, line, strict=True)])
        yield made


def _verdicts(blocks: Sequence[Block], rows: Sequence[Row], origins: Origins):
    """The Markdown has a table for each experiment and kind of number; each row of the CSV is one comparison."""
    groups = _groups(rows, ("experiment", "kind"))
    for block, ((experiment, _), group) in zip(_tables(blocks), groups.items(), strict=True):
        header, *body = block.rows
        of_experiment = dataclasses.replace(origins, experiment=experiment)
        made = []
        for line, row in zip(body, group, strict=True):
            scores = of_experiment.scores(row) + of_experiment.scores(row, "latency")
            links = dict.fromkeys(("ours", "difference"), scores) | {"published": of_experiment.published()}
            comparison = _comparison(row | {"published_source": row["source"]})
            made.append(
                [
                    Cell(cell, tuple(links[heading]), row[heading], comparison)
                    if heading in links and cell not in ("", NOT_RUN)
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
    """Finds the row for a heading like "Fréchet distance, T = 4, w = 1"; returns the heading alone, too."""
    match = AT.fullmatch(heading)
    if not match:
        return heading, group[0]
    for row in group:
        guidance = match["guidance"] is None or float(row["guidance"]) == float(match["guidance"])
        if steps({"solver": f"euler:{row['T']}"} if "T" in row else row) == int(match["T"]) and guidance:
            return match["heading"], row
    return match["heading"], {}


def _cells(block: Block, rows: Sequence[T], at: Callable[[str, T], tuple[str, Row]], origins: Origins):
    """Links one table's cells. `at` returns the heading of a cell's column and its row of the CSV."""
    header, *body = block.rows
    if len(body) != len(rows):
        raise Mismatch(f"{len(body)} rows in the Markdown, {len(rows)} in the CSV")
    made = []
    for line, row in zip(body, rows, strict=True):
        columns = [at(heading, row) for heading in header]
        in_csv = next((point for _, point in columns if point), {})
        shown = dict(zip(header, line, strict=True))
        if (text.in_csv(shown["model"]), shown["length (blocks)"]) != (in_csv["label"], text.length(in_csv)):
            raise Mismatch(f"{shown['model']} in the Markdown, {in_csv['label']} in the CSV")
        made.append([_cell(cell, *column, origins) for cell, column in zip(line, columns, strict=True)])
    return made


def _cell(shown: str, heading: str, row: Row, origins: Origins) -> Cell:
    column = HEADINGS.get(heading) or (f"fid_{match['label']}" if (match := FID.fullmatch(heading)) else None)
    if not row or column is None or shown in ("", NOT_RUN):
        return Cell(shown)
    if column in LATENCIES:
        own = row["model"], row["length"]
        timed = origins.latencies(own, *(origins.baseline(_with_solver(row)) if column == "relative_latency" else []))
        return Cell(shown, tuple(timed), row.get(column, ""))
    own = origins.published() if column == "published" else origins.scores(row)
    return Cell(shown, tuple(own), row.get(column, ""), _comparison(row))


def _with_solver(row: Row) -> Row:
    """Adds the solver to a row of the main table, which has T only."""
    return row if "solver" in row else {**row, "solver": f"euler:{row['T']}"}


def _comparison(row: Row) -> Comparison | None:
    if row.get("published", NOTHING_PUBLISHED) in ("", NOTHING_PUBLISHED):
        return None
    names = [field.name for field in dataclasses.fields(Comparison)][1:]
    facts = {name: row.get(name if name in ("difference", "verdict") else f"published_{name}", "") for name in names}
    return Comparison(row["published"], **facts)
