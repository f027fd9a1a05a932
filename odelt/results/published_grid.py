"""The published grid as rows, to hold the abstracts against it (SPEC 11) and to draw it behind ours."""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from odelt.results.references import References
from odelt.results.row import Cell, Row, baselines


@dataclasses.dataclass(frozen=True)
class PublishedRow:
    """A cell of a source's grid. Models have the source's names, and weights all that it may mean."""

    cell: Cell
    distance: float
    latency: float | None  # seconds per batch on the authors' GPU
    memory: None = None  # nobody published any

    @property
    def steps(self) -> int | None:
        return self.cell.solver.T

    @property
    def effective_blocks(self) -> int:
        """Orders lengths; the published grid is of a network all of whose lengths act in full."""
        return self.cell.length or 0


def sources(references: References) -> list[str]:
    """The sources whose numbers form a grid: those with a baseline."""
    named = dict.fromkeys(number.source for number in references.fids)
    return [source for source in named if references.sources[source].baseline is not None]


def published_rows(references: References, source: str) -> list[PublishedRow]:
    """A row for each FID of a source."""
    seconds = {
        (number.experiment, number.model, number.length, number.solver): number.printed
        for number in references.latencies
        if number.source == source
    }
    rows = []
    for number in references.fids:
        if number.source == source and number.value is not None:
            key = (number.experiment, number.model, number.length, number.solver)
            cell = Cell(*key, weights=" or ".join(number.weights), guidance=number.guidance)
            rows.append(PublishedRow(cell, number.value, seconds.get(key)))
    return rows


class PublishedCurve(NamedTuple):
    """A published model at one length: milliseconds per batch of this machine and FID, in the order of T."""

    length: int | None
    statistics: str  # of the FIDs
    points: tuple[tuple[float, float], ...]


def curves(rows: Sequence[Row], references: References | None) -> Iterator[PublishedCurve]:
    """The published curves of the experiment of these rows, Euler's, on this machine's axis of latencies.

    Seconds on another machine do not compare (SPEC 9.4). A point's latency is the published one, relative to that of
    the source's SM at the same T, times that of our first SM at this T. Where that was not timed, there is no point.
    """
    if references is None:
        return
    timed, experiments = baselines(rows), {row.cell.experiment for row in rows}
    for source in sources(references):
        published = [row for row in published_rows(references, source) if row.cell.experiment in experiments]
        baseline = references.sources[source].baseline
        of_sm = {
            row.cell.solver: row.latency for row in published if (row.cell.model, row.cell.length) == (baseline, None)
        }
        points: dict[tuple, list[tuple[int, tuple[float, float]]]] = {}
        for row in published:
            ours, theirs = timed.get((row.steps, row.cell.guidance)), of_sm.get(row.cell.solver)
            if row.steps and row.latency and theirs and ours and ours.latency:
                point = (1000 * ours.latency * row.latency / theirs, row.distance)
                points.setdefault((row.cell.model, row.cell.length), []).append((row.steps, point))
        statistics = next(number.statistics for number in references.fids if number.source == source)
        for (_, length), of_curve in points.items():
            yield PublishedCurve(length, statistics, tuple(point for _, point in sorted(of_curve)))
