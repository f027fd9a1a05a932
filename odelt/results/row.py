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


SPREAD = 0.15  # of the median: quartiles that are further apart are those of a machine that did other work too


@dataclasses.dataclass(frozen=True)
class Timing:
    """Seconds, operations and peak memory per batch. `file` is below the experiment's or the study's folder."""

    file: str
    latency_s: float
    latency_q1_s: float
    latency_q3_s: float
    peak_bytes: int
    batch_size: int
    device: str
    latency_min_s: float | None = None  # None, as what follows: files of older versions lack it
    flops: float | None = None
    load: float | None = None  # processes that were running before the timing

    @staticmethod
    def of(file: str, raw: Mapping[str, Any], point: Mapping[str, Any], share: float = 1) -> "Timing":
        """Reads one point of a latency file's content; of its time and operations a share, which may be above 1."""
        seconds = {name: share * float(value) for name, value in point["seconds"].items()}
        return Timing(
            file=file,
            latency_s=seconds["median"],
            latency_q1_s=seconds["q1"],
            latency_q3_s=seconds["q3"],
            peak_bytes=int(point["peak_bytes"]),
            batch_size=int(raw["batch_size"]),
            device=str(raw["device"]),
            latency_min_s=seconds.get("minimum"),
            flops=share * point["flops"] if "flops" in point else None,
            load=raw.get("load"),
        )

    @property
    def disturbed(self) -> bool:
        return self.latency_q3_s - self.latency_q1_s > SPREAD * self.latency_s


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
    timing: Timing | None  # of the program; with an adaptive solver, as often as the first seed's weights evaluate it

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
            timing=next((row.timing for row in of_cell if row.timing), None),
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
    files: tuple[str, ...]


def relative_latency(row: Row, baselines: Mapping[Any, Row]) -> Ratio | None:
    """Returns a row's latency over that of its baseline; None if one of them was not timed."""
    baseline = baselines.get((row.steps, row.cell.guidance))
    if row.timing is None or baseline is None or baseline.timing is None:
        return None
    files = dict.fromkeys((row.timing.file, baseline.timing.file))
    return Ratio(row.timing.latency_s / baseline.timing.latency_s, tuple(files))
