"""A row of the tables: what was measured of one cell of the grid, with one seed or with several."""

import dataclasses
import math
import statistics
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from odelt.config import Length, Solver
from odelt.results.chance import at_chance
from odelt.results.columns import AGREEMENT, FRECHET, Column


@dataclasses.dataclass(frozen=True)
class Cell:
    """What tells rows apart, the seed aside."""

    experiment: str
    model: str
    length: int | None  # None: the conventional path
    solver: Solver
    weights: str = "ema"
    guidance: float = 0.0
    d: int | None = None


@dataclasses.dataclass(frozen=True)
class Score:
    """What was measured of one sample set: numbers by column, and their standard errors where they are known.

    `file` is below the experiment's folder.
    """

    file: str
    seed: int | None  # of the training; that of downloaded weights is not known
    samples: int
    values: Mapping[str, float]
    errors: Mapping[str, float] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Timing:
    """Seconds and peak memory per batch. `file` is below the experiment's or the study's folder."""

    file: str
    latency_s: float
    latency_q1_s: float
    latency_q3_s: float
    peak_bytes: int
    batch_size: int
    device: str

    @staticmethod
    def of(file: str, raw: Mapping[str, Any], point: Mapping[str, Any]) -> "Timing":
        """Reads one point of a latency file's content."""
        median, q1, q3 = (float(point["seconds"][name]) for name in ("median", "q1", "q3"))
        return Timing(file, median, q1, q3, int(point["peak_bytes"]), int(raw["batch_size"]), str(raw["device"]))


@dataclasses.dataclass(frozen=True, eq=False)
class Row:
    """What was measured of a cell. What was not run is None."""

    cell: Cell
    label: str
    effective_blocks: int
    classes: int
    columns: tuple[Column, ...]  # of the tables of its experiment
    seeds: tuple[int | None, ...]  # that the suite asks for
    scores: tuple[Score, ...]  # of the seeds that were run
    floor: float | None
    timing: Timing | None  # of the first seed's EMA weights: the others take as long

    def value(self, column: Column) -> float | None:
        """The mean over the seeds that were run, or the number that the seeds share."""
        if column.file == "floor":
            return self.floor
        if column.file == "latency":
            return None if self.timing is None else getattr(self.timing, column.name)
        values = self._values(column)
        return statistics.fmean(values) if values else None

    def deviation(self, column: Column) -> float | None:
        """The standard deviation over seeds (n − 1); None with fewer than two."""
        values = self._values(column)
        return statistics.stdev(values) if len(values) > 1 else None

    def standard_error(self, column: Column) -> float | None:
        """The standard error of one seed's number over its samples, the root mean square of all; None if not known."""
        errors = [score.errors[column.name] for score in self.scores if column.name in score.errors]
        return math.hypot(*errors) / math.sqrt(len(errors)) if errors else None

    def uncertainty(self, column: Column) -> float | None:
        """The deviation over seeds or the standard error over samples, the wider one; None if neither is known."""
        known = (self.deviation(column), self.standard_error(column))
        return max((each for each in known if each is not None), default=None)

    def _values(self, column: Column) -> list[float]:
        return [score.values[column.name] for score in self.scores if column.name in score.values]

    @property
    def distance(self) -> float | None:
        """The Fréchet distance; with Inception the FID to the first reference statistics."""
        return self.value(FRECHET)

    @property
    def latency(self) -> float | None:
        """Seconds per batch."""
        return None if self.timing is None else self.timing.latency_s

    @property
    def memory(self) -> int | None:
        """Bytes at the peak of a batch's generation."""
        return None if self.timing is None else self.timing.peak_bytes

    @property
    def steps(self) -> int | None:
        """T, where tables have a column for it: Euler's above all."""
        return self.cell.solver.T

    @property
    def line(self) -> str:
        """The label where all T have one line or curve: with the solver, where these are not Euler's steps."""
        method = self.cell.solver.method
        return self.label if self.steps is None or method.takes_shortcuts else f"{self.label} ({method.spelling})"

    @property
    def length(self) -> int | str:
        """The nominal length, as tables name it."""
        return Length(self.cell.length).cell

    @property
    def headlines(self) -> list[Column]:
        """The columns of the main table: distances to the real data first."""
        return [column for column in self.columns if column.headline and column.heading]

    @property
    def first_statistics(self) -> str:
        """The label of the first reference statistics; empty with small images."""
        return next((column.statistics for column in self.columns if column.statistics), "")

    @property
    def samples(self) -> int | None:
        return next((score.samples for score in self.scores), None)

    @property
    def at_chance(self) -> bool:
        """Whether there is an agreement, and it is no better than a guess's."""
        return at_chance(self.value(AGREEMENT), self.samples, self.classes)


def over_seeds(rows: Iterable[Row]) -> list[Row]:
    """Returns a row per cell with the seeds of all its rows, in the order of the rows."""
    cells: dict[Cell, list[Row]] = {}
    for row in rows:
        cells.setdefault(row.cell, []).append(row)
    return [
        dataclasses.replace(
            of_cell[0],
            seeds=tuple(seed for row in of_cell for seed in row.seeds),
            scores=tuple(score for row in of_cell for score in row.scores),
        )
        for of_cell in cells.values()
    ]


def baselines(rows: Iterable[Row]) -> dict[Any, Row]:
    """Returns by T and guidance the first timed Euler row on the full path. Latencies are relative to it."""
    first: dict[Any, Row] = {}
    for row in rows:
        if row.cell.length is None and row.timing and row.steps is not None:
            first.setdefault((row.steps, row.cell.guidance), row)
    return first


class Ratio(NamedTuple):
    """A latency over that of a baseline, and the latency files of both."""

    value: float
    files: tuple[str, str]


def relative_latency(row: Row, baselines: Mapping[Any, Row]) -> Ratio | None:
    """Returns a row's latency over that of its baseline; None if one of them was not timed."""
    baseline = baselines.get((row.steps, row.cell.guidance))
    if row.timing is None or baseline is None or baseline.timing is None:
        return None
    return Ratio(row.timing.latency_s / baseline.timing.latency_s, (row.timing.file, baseline.timing.file))
