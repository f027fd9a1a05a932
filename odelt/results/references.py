"""The file of the numbers to compare with, published ones (SPEC 11) or those of an earlier run of this project."""

import functools
import math
import pathlib
from collections.abc import Iterator
from typing import Annotated, Literal, NamedTuple

import pydantic

from odelt import trace
from odelt.config import Section, Solver, parse
from odelt.plain_data import read_yaml
from odelt.results.belongings import BASELINE, BELONGINGS, RELEASED_D, Belonging, Cell, Published, published_guidance

Measured = Annotated[float, pydantic.Field(gt=0)]
Deviation = Annotated[float, pydantic.Field(ge=0)]
Value = Measured | tuple[Measured, Deviation]  # with the standard deviation over seeds, where that is known


class EarlierRun(Section):
    """How an earlier run of this project was made. Its numbers are expected if nothing is published."""

    machine: str
    seeds: list[int]  # of training; the first one's numbers are compared with, the others give the deviation
    command: str


class Source(Section):
    """Where a number was published, or which run of this project it comes from."""

    title: str
    repository: str | None = None
    commit: str | None = None
    date: str | None = None
    earlier_run: EarlierRun | None = None


class PublishedRow(Section):
    """Numbers of one model (length None: the conventional path) by Euler steps T or an adaptive solver's tolerance.

    A row of an earlier run says which of our cells it belongs to. For a publication, BELONGINGS and SPEC 6 say that.
    """

    experiment: str | None = None  # its block's where nothing is said
    model: str
    length: int | None = None
    weights: Literal["ema", "raw"] | None = None
    guidance: Annotated[float, pydantic.Field(ge=0)] | None = None
    d: int | None = None
    steps: dict[int, Value] = pydantic.Field(default_factory=dict)
    dopri5: dict[float, Value] = pydantic.Field(default_factory=dict)
    tsit5: dict[float, Value] = pydantic.Field(default_factory=dict)
    solvers: dict[str, Value] = pydantic.Field(default_factory=dict)  # any, as suites write them

    def values(self) -> Iterator[tuple[Solver, Value]]:
        """Yields each number with its solver."""
        for T, value in self.steps.items():
            yield Solver.parse(f"euler:{T}"), value
        for tolerance, value in self.dopri5.items():
            yield Solver.parse(f"dopri5:{tolerance}"), value
        for tolerance, value in self.tsit5.items():
            yield Solver.parse(f"tsit5:{tolerance}"), value
        for text, value in self.solvers.items():
            yield Solver.parse(text), value


class ThreeRuns(Section):
    """Mean, minimum and maximum of three runs, by T."""

    length: int
    steps: dict[int, tuple[Measured, Measured, Measured]]


class Block(Section):
    source: str
    experiment: str | None = None
    note: str | None = None
    rows: list[PublishedRow] = pydantic.Field(default_factory=list)
    unattributed_mean_min_max: list[ThreeRuns] = pydantic.Field(default_factory=list)


class Claim(Section):
    """A sentence of an abstract: a ratio of latencies (SM's over ours) or FID points (SM's less ours)."""

    source: str
    text: str
    latency_ratio: Measured | None = None
    fid_points: Measured | None = None

    @pydantic.model_validator(mode="after")
    def _claims_one_thing(self):
        if (self.latency_ratio is None) == (self.fid_points is None):
            raise ValueError(f"the claim '{self.text}' needs either latency_ratio or fid_points")
        return self

    @property
    def claimed(self) -> float:
        """The ratio or the points."""
        figure = self.latency_ratio or self.fid_points
        assert figure is not None  # a claim has exactly one of the two
        return figure


class Spread(NamedTuple):
    """Relative standard deviation between trainings that differ in their seed."""

    pooled: float
    largest: float


class References(Section):
    sources: dict[str, Source]
    fid: list[Block]
    latency_s_per_batch: list[Block] = pydantic.Field(default_factory=list)
    claims: list[Claim] = pydantic.Field(default_factory=list)

    @pydantic.model_validator(mode="after")
    def _hangs_together(self):
        for block in (*self.fid, *self.latency_s_per_batch, *self.claims):
            if block.source not in self.sources:
                raise ValueError(f"no source '{block.source}' is described under sources")
        for block in (*self.fid, *self.latency_s_per_batch):
            for row in block.rows:
                self._check_row(block, row)
        return self

    def _check_row(self, block: Block, row: PublishedRow) -> None:
        where = f"a row of {block.source} for the model '{row.model}'"
        if not (row.experiment or block.experiment):
            raise ValueError(f"{where} names no experiment")
        if self.sources[block.source].earlier_run:
            if row.weights is None or row.guidance is None:
                raise ValueError(f"{where} names no weights or no guidance, as those of an earlier run do")
        elif (block.source, row.model) not in BELONGINGS:
            raise ValueError(
                f"{block.source} has numbers of '{row.model}', and BELONGINGS in belongings.py does not say "
                "which of our models they are compared with"
            )
        elif (row.weights, row.guidance, row.d) != (None, None, None):
            raise ValueError(f"{where} says weights, guidance or d, which BELONGINGS and SPEC 6 say of a publication")

    @property
    def title(self) -> str:
        """The titles of the sources that rows come from."""
        used = dict.fromkeys(block.source for block in (*self.fid, *self.latency_s_per_batch) if block.rows)
        return "; ".join(self.sources[source].title for source in used)

    @property
    def what(self) -> str:
        """The name for these numbers. Readers must not take an earlier run for a publication."""
        earlier = any(source.earlier_run for source in self.sources.values())
        return "numbers of an earlier run of this project (not a publication)" if earlier else "published numbers"

    @property
    def earlier_runs(self) -> list[Source]:
        return [source for source in self.sources.values() if source.earlier_run]

    @property
    def experiments(self) -> list[str]:
        """The experiments with a published FID, in the file's order."""
        return list(dict.fromkeys(_experiment(block, row) for block in self.fid for row in block.rows))

    @functools.cached_property
    def fids(self) -> tuple[Published, ...]:
        """Every published FID, in the file's order."""
        return tuple(self._numbers(self.fid))

    @functools.cached_property
    def latencies(self) -> tuple[Published, ...]:
        """Every published latency, relative to that of the source's SM at the same solver.

        Seconds on different machines do not compare (SPEC 9.4).
        """
        numbers = list(self._numbers(self.latency_s_per_batch))
        baselines = {
            (number.source, number.experiment, number.solver): number.printed
            for number in numbers
            if number.model == BASELINE and number.length is None
        }
        return tuple(number._replace(value=_ratio(number, baselines)) for number in numbers)

    def published(self, cell: Cell) -> list[Published]:
        """Returns the published FIDs of a cell, the unambiguous ones first."""
        return sorted((number for number in self.fids if number.is_of(cell)), key=lambda number: number.ambiguous)

    def relative_latency(self, cell: Cell) -> float | None:
        """Returns the published latency of a cell, relative to that of the same source's SM at the same solver."""
        return next((number.value for number in self.latencies if number.is_of(cell)), None)

    def _numbers(self, blocks: list[Block]) -> Iterator[Published]:
        for block in blocks:
            for row in block.rows:
                for solver, value in row.values():
                    yield self._number(block, row, solver, *(value if isinstance(value, tuple) else (value, None)))

    def _number(
        self, block: Block, row: PublishedRow, solver: Solver, value: float, deviation: float | None
    ) -> Published:
        experiment = _experiment(block, row)
        if self.sources[block.source].earlier_run:
            assert row.weights is not None and row.guidance is not None  # as checked
            belonging, guidance, conditions = Belonging((row.model,), "", (row.weights,)), row.guidance, (row.d,)
        else:
            belonging, guidance = BELONGINGS[block.source, row.model], published_guidance(experiment, solver)
            conditions = (None, RELEASED_D)
        return Published(
            **{"value": value, "source": block.source, "statistics": belonging.statistics},
            **{"ambiguous": belonging.ambiguous, "deviation": deviation, "printed": value, "experiment": experiment},
            **{"model": row.model, "length": row.length, "solver": solver, "models": belonging.models},
            **{"weights": belonging.weights, "guidance": guidance, "conditions": conditions},
        )

    def spread(self) -> Spread | None:
        """Computes the spread from the published means, minima and maxima of three runs; None if there are none.

        The third run is 3·mean − minimum − maximum.
        """
        deviations = []
        for block in self.fid:
            for of_length in block.unattributed_mean_min_max:
                for mean, least, most in of_length.steps.values():
                    runs = (least, most, 3 * mean - least - most)
                    deviations.append(math.sqrt(sum((run - mean) ** 2 for run in runs) / 2) / mean)
        if not deviations:
            return None
        return Spread(math.sqrt(sum(deviation**2 for deviation in deviations) / len(deviations)), max(deviations))


def load_references(path: str | pathlib.Path) -> References:
    """Reads and checks the published numbers.

    Raises:
        OdeltError: the file is missing, not YAML, or has a key or a value that is not known; the line names it.
    """
    path = pathlib.Path(path)
    trace.used(path)
    return parse(References, read_yaml(path, "file of published numbers"), str(path))


def _experiment(block: Block, row: PublishedRow) -> str:
    """Returns the experiment of a row. Every checked row has one."""
    experiment = row.experiment or block.experiment
    assert experiment is not None
    return experiment


def _ratio(latency: Published, baselines: dict[tuple, float]) -> float | None:
    """Returns the ratio to SM's latency; None for SM's own, or if SM was not timed with that solver."""
    baseline = baselines.get((latency.source, latency.experiment, latency.solver))
    return None if baseline is None or latency.model == BASELINE else latency.printed / baseline
