"""Compares each published number with the cells of ours that it belongs to: a verdict on each, and an outcome."""

import dataclasses
import pathlib
from collections.abc import Mapping, Sequence

from odelt.layout.paths import ExperimentPaths
from odelt.results import verdicts
from odelt.results.belongings import Published
from odelt.results.references import References
from odelt.results.rows import Row, Setting, baselines, cell_of, steps
from odelt.results.seeds import compared_column
from odelt.results.verdicts import NOT_COMPARABLE, NOT_RUN

# Kinds of numbers, by the columns that they are in elsewhere.
DISTANCE = "frechet_distance"
RELATIVE_LATENCY = "relative_latency"
PUBLISHED_LATENCIES = "Published latencies hold compilation and do not wait for the device, which shows at T = 1."


@dataclasses.dataclass(frozen=True)
class Comparison:
    """One cell of ours (of `seeds.over_seeds`) that a published number is compared with."""

    cell: Row
    ours: float | None  # mean over the seeds; None where it was not run
    deviation: float | None  # over our seeds, where several were run
    verdict: str
    files: str  # ids of the scores or latencies that ours comes from, below the experiment's folder


@dataclasses.dataclass(frozen=True)
class Compared:
    """A published number with every cell of the grid that it belongs to."""

    kind: str  # DISTANCE or RELATIVE_LATENCY
    number: Published
    comparisons: tuple[Comparison, ...]

    @property
    def outcome(self) -> str:
        if self.number.value is None:
            return NOT_COMPARABLE
        return verdicts.outcome([comparison.verdict for comparison in self.comparisons])


def compare_fids(cells: Sequence[Row], references: References) -> list[Compared]:
    """Compares every published FID of the cells' experiments, in the order of the references."""
    return [
        Compared(DISTANCE, number, tuple(_fid(number, cell) for cell in cells if number.is_of(cell_of(cell))))
        for number in _of_experiments(references.fids, cells)
    ]


def compare_latencies(cells: Sequence[Row], references: References) -> list[Compared]:
    """Compares every published latency of the cells' experiments. Only EMA weights are timed."""
    timed = {name: baselines(cell for cell in cells if cell["experiment"] == name) for name in _experiments(cells)}
    results = []
    for number in _of_experiments(references.latencies, cells):
        own = [cell for cell in cells if cell["weights"] == "ema" and number.is_of(cell_of(cell))]
        own = own if number.value is not None else []
        compared = tuple(_latency(number, cell, timed[number.experiment]) for cell in own)
        results.append(Compared(RELATIVE_LATENCY, number, compared))
    return results


def summary(cells: Sequence[Row], references: References | None) -> str:
    """Returns a sentence with the outcomes of the published FIDs that belong to these cells."""
    if references is None:
        return ""
    compared = [number for number in compare_fids(cells, references) if number.comparisons]
    return verdicts.summary([number.outcome for number in compared], references.what)


def _fid(number: Published, cell: Row) -> Comparison:
    column = compared_column(number.statistics)
    ours = cell.get(column, NOT_RUN)
    ours, deviation = (None, None) if ours == NOT_RUN else (ours, cell[f"{column}_std"])
    verdict = verdicts.verdict(ours, number.value, deviation, number.deviation)
    return Comparison(cell, ours, deviation, verdict, cell["score"])


def _latency(number: Published, cell: Row, timed: Mapping[Setting, Row]) -> Comparison:
    baseline = timed.get((steps(cell), cell["guidance"]))
    if baseline is None or cell["latency_s"] == NOT_RUN:
        return Comparison(cell, None, None, verdicts.verdict(None, number.value), "")
    ours = cell["latency_s"] / baseline["latency_s"]
    files = " ".join(_latency_file(row) for row in (cell, baseline))
    return Comparison(cell, ours, None, verdicts.verdict(ours, number.value), files)


def _latency_file(row: Row) -> str:
    return ExperimentPaths(pathlib.Path()).latency(row["model"], cell_of(row).length).as_posix()


def _of_experiments(numbers: Sequence[Published], cells: Sequence[Row]) -> list[Published]:
    return [number for number in numbers if number.experiment in _experiments(cells)]


def _experiments(cells: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys(cell["experiment"] for cell in cells))
