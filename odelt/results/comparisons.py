"""Compares published numbers with the rows of ours that they belong to: a verdict on each, and an outcome."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from odelt.results import verdicts
from odelt.results.columns import of_statistics
from odelt.results.references import PublishedNumber, References
from odelt.results.row import Row, baselines, over_seeds, relative_latency
from odelt.results.verdicts import NO_VERDICT, NOT_COMPARABLE

PUBLISHED_LATENCIES = "Published latencies hold compilation and do not wait for the device, which shows at T = 1."


@dataclasses.dataclass(frozen=True)
class Comparison:
    """A row of ours beside a published number that belongs to it."""

    number: PublishedNumber
    row: Row
    ours: float | None  # None where it was not run
    deviation: float | None  # over our seeds, where several were run
    error: float | None  # the standard error of ours over its samples, where that is known
    uncertainty: float | None  # the wider one of these two
    files: tuple[str, ...]  # that ours comes from, below the experiment's folder

    @property
    def difference(self) -> float | None:
        """Ours less the published one."""
        return None if self.ours is None or self.number.value is None else self.ours - self.number.value

    @property
    def verdict(self) -> str:
        if not self.number.judged:
            return NO_VERDICT
        return verdicts.verdict(self.ours, self.number.value, self.uncertainty, self.number.deviation)


@dataclasses.dataclass(frozen=True)
class ComparedNumber:
    """A published number with every row of the grid that it belongs to."""

    number: PublishedNumber
    of_latency: bool  # it is a relative latency, and not an FID
    comparisons: tuple[Comparison, ...]

    @property
    def outcome(self) -> str:
        if self.number.value is None:
            return NOT_COMPARABLE
        if not self.number.judged:
            return NO_VERDICT
        return verdicts.outcome([comparison.verdict for comparison in self.comparisons])


def published_beside(rows: Sequence[Row], references: References | None) -> list[list[Comparison]]:
    """Compares each row with the published FIDs of its cell, the unambiguous ones first.

    The spread of a cell with several seeds counts for each of them.
    """
    cells = {row.cell: row for row in over_seeds(rows)}
    return [
        [_fid(number, row, cells[row.cell]) for number in (references.published(row.cell) if references else ())]
        for row in rows
    ]


def compare_fids(rows: Sequence[Row], references: References) -> list[ComparedNumber]:
    """Compares every published FID of the experiments of these rows over seeds, in the order of the references."""
    return [
        ComparedNumber(number, False, tuple(_fid(number, row, row) for row in rows if number.is_of(row.cell)))
        for number in _of_experiments(references.fids, rows)
    ]


def compare_latencies(rows: Sequence[Row], references: References) -> list[ComparedNumber]:
    """Compares every published latency of the experiments of these rows over seeds. Only EMA weights are timed."""
    of_experiment = {name: [row for row in rows if row.cell.experiment == name] for name in _experiments(rows)}
    timed = {name: baselines(own) for name, own in of_experiment.items()}
    results = []
    for number in _of_experiments(references.latencies, rows):
        own = [row for row in of_experiment[number.experiment] if row.cell.weights == "ema" and number.is_of(row.cell)]
        compared = [_latency(number, row, timed[number.experiment]) for row in own if number.value is not None]
        results.append(ComparedNumber(number, True, tuple(compared)))
    return results


def summary(rows: Sequence[Row], references: References | None) -> str:
    """Returns a sentence with the outcomes of the published FIDs that belong to these rows over seeds."""
    if references is None:
        return ""
    compared = [number for number in compare_fids(rows, references) if number.comparisons]
    return verdicts.summary([number.outcome for number in compared], references.what)


def _fid(number: PublishedNumber, row: Row, of_seeds: Row) -> Comparison:
    """Compares a row; the uncertainty is that of all seeds of its cell."""
    column = of_statistics(number.statistics)
    files = tuple(score.file for score in row.scores)
    known = (of_seeds.deviation(column), of_seeds.standard_error(column), of_seeds.uncertainty(column))
    return Comparison(number, row, row.value(column), *known, files)


def _latency(number: PublishedNumber, row: Row, timed: Mapping[Any, Row]) -> Comparison:
    ratio = relative_latency(row, timed)
    return Comparison(number, row, ratio and ratio.value, None, None, None, ratio.files if ratio else ())


def _of_experiments(numbers: Sequence[PublishedNumber], rows: Sequence[Row]) -> list[PublishedNumber]:
    return [number for number in numbers if number.experiment in _experiments(rows)]


def _experiments(rows: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys(row.cell.experiment for row in rows))
