"""The file of the numbers to compare with, published ones (SPEC 11) or those of an earlier run of this project."""

import dataclasses
import functools
import pathlib
from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Literal

import pydantic
from pydantic import Field

from odelt import trace
from odelt.config import Section, Solver, parse
from odelt.config.solver import SolverField
from odelt.plain_data import read_yaml
from odelt.results.abstracts import Claim
from odelt.results.row import Cell
from odelt.solvers import SOLVERS

Measured = Annotated[float, Field(gt=0)]
Deviation = Annotated[float, Field(ge=0)]
Value = Measured | tuple[Measured, Deviation]  # with the standard deviation over seeds, where that is known
Weights = Literal["ema", "raw"]


class EarlierRun(Section):
    """How an earlier run of this project was made. Its numbers are expected if nothing is published."""

    machine: str
    seeds: list[int] = Field(description="of training; the first is compared with, the others give the deviation")
    command: str


class Scope(Section):
    """Which rows of ours numbers are compared with. A series' own key counts, else its group's, else its origin's."""

    experiment: str | None = Field(None, description="the experiment of the suite")
    weights: Weights | list[Weights] | None = Field(None, description="the weights; several if it may be any of them")
    guidance: Annotated[float, Field(ge=0)] | None = Field(None, description="the guidance scale")
    d: int | list[int | None] | None = Field(
        None, description="the step-size condition; null: Euler's own; several if it may be any of them"
    )
    statistics: str | None = Field(
        None, description="the label of the reference statistics of the FID; without it the experiment's first ones"
    )


class Origin(Scope):
    """Where numbers were published, or which run of this project they come from."""

    title: str
    repository: str | None = None
    commit: str | None = None
    date: str | None = None
    earlier_run: EarlierRun | None = None
    note: str | None = Field(None, description="what a reader of a comparison with its numbers has to know")
    judged: bool = Field(True, description="whether a comparison with its numbers gets a verdict")
    models: dict[str, list[str]] = Field({}, description="our models by its names for them; without it they are ours")
    ambiguous: list[str] = Field([], description="names that leave open which of our models the source means")
    baseline: str | None = Field(
        None, description="its name of the model whose latencies, on the full path, the others are relative to"
    )


class Series(Scope):
    """Numbers of one model (length null: the conventional path) by solver.

    A file may write `<solver>: {<parameter>: <number>}` for any solver of the table, such as `dopri5: {1.0e-3: 5.75}`;
    and `steps: {<T>: <number>}` for Euler's method.
    """

    model: str = Field(description="as the source calls it")
    length: int | None = None
    steps: dict[int, Value] = Field(default_factory=dict)
    solvers: dict[SolverField, Value] = Field(default_factory=dict, description="of any solver, as suites write them")

    @pydantic.model_validator(mode="before")
    @classmethod
    def _by_name(cls, raw: Any) -> Any:
        """Moves the numbers under a solver's name to `solvers`."""
        named = [key for key in raw if key in SOLVERS] if isinstance(raw, dict) else []
        if not named:
            return raw
        moved = {}
        for name in named:
            if not isinstance(raw[name], dict):
                raise ValueError(f"{name}: a number for each {SOLVERS[name].metavar} is needed")
            moved |= {f"{name}:{parameter}": value for parameter, value in raw[name].items()}
        rest = {key: value for key, value in raw.items() if key not in named}
        others = rest.get("solvers", {})
        return rest | {"solvers": moved | others if isinstance(others, dict) else others}

    def values(self) -> Iterator[tuple[Solver, Value]]:
        """Yields each number with its solver."""
        for T, value in self.steps.items():
            yield Solver.parse(f"euler:{T}"), value
        yield from self.solvers.items()


class ThreeRuns(Section):
    """Mean, minimum and maximum of three runs, by T."""

    length: int
    steps: dict[int, tuple[Measured, Measured, Measured]]


class SeriesGroup(Scope):
    """Series of one source."""

    source: str = Field(description="a key of `sources`")
    note: str | None = None
    rows: list[Series] = Field(default_factory=list)
    unattributed_mean_min_max: list[ThreeRuns] = Field(
        default_factory=list, description="numbers of no known experiment, for the size of the spread only"
    )


@dataclasses.dataclass(frozen=True)
class PublishedNumber:
    """One number of a source, and which cells of ours it is compared with."""

    value: float | None  # an FID, or a latency over that of the source's baseline; None if there is no such latency
    deviation: float | None  # over the source's seeds
    printed: float  # as it stands there: an FID, or seconds
    source: str  # its key in the file
    experiment: str
    model: str  # as the source calls it
    length: int | None
    solver: Solver
    models: tuple[str, ...]  # ours
    ambiguous: bool  # the source does not say which of them it means
    judged: bool  # a comparison gets a verdict
    weights: tuple[str, ...]
    guidance: float
    d: tuple[int | None, ...]
    statistics: str  # of the FID that it is compared with; empty: the experiment's first

    def is_of(self, cell: Cell) -> bool:
        """Whether it is compared with this cell."""
        return (
            (cell.experiment, cell.length, cell.solver.apart, cell.guidance)
            == (self.experiment, self.length, self.solver, self.guidance)
            and cell.model in self.models
            and cell.weights in self.weights
            and cell.d in self.d
        )


class References(Section):
    sources: dict[str, Origin]
    fid: list[SeriesGroup]
    latency_s_per_batch: list[SeriesGroup] = Field(default_factory=list)
    claims: list[Claim] = Field(default_factory=list)

    @pydantic.model_validator(mode="after")
    def _hangs_together(self):
        for group in (*self.fid, *self.latency_s_per_batch, *self.claims):
            if group.source not in self.sources:
                raise ValueError(f"no source '{group.source}' is described under sources")
        for claim in self.claims:
            if self.sources[claim.source].baseline is None:
                raise ValueError(f"sources.{claim.source} has a claim, and names no baseline")
        for group in (*self.fid, *self.latency_s_per_batch):
            for series in group.rows:
                self._check_series(group, series)
        return self

    def _check_series(self, group: SeriesGroup, series: Series) -> None:
        where = f"a row of {group.source} for the model '{series.model}'"
        for key in ("experiment", "weights", "guidance"):
            if self._said(key, group, series) is None:
                raise ValueError(f"{where} names no {key}, nor does its block or its source")
        models = self.sources[group.source].models
        if models and series.model not in models:
            raise ValueError(f"{where}: sources.{group.source}.models does not say which of our models that is")

    def _said(self, key: str, group: SeriesGroup, series: Series) -> Any:
        """Returns what the series says under a key of its scope, else its group, else its origin."""
        said = (getattr(scope, key) for scope in (series, group, self.sources[group.source]))
        return next((value for value in said if value is not None), None)

    @property
    def title(self) -> str:
        """The titles of the sources that numbers come from."""
        used = dict.fromkeys(group.source for group in (*self.fid, *self.latency_s_per_batch) if group.rows)
        return "; ".join(self.sources[source].title for source in used)

    @property
    def what(self) -> str:
        """The name for these numbers. Readers must not take an earlier run for a publication."""
        earlier = "numbers of an earlier run of this project (not a publication)"
        return earlier if self.earlier_runs else "published numbers"

    @property
    def earlier_runs(self) -> list[Origin]:
        return [origin for origin in self.sources.values() if origin.earlier_run]

    def claims_of(self, experiments: Iterable[str]) -> list[Claim]:
        """The claims, if they are of any of these experiments: abstracts claim things of those with a published FID."""
        return self.claims if set(experiments) & set(self.experiments) else []

    @property
    def experiments(self) -> list[str]:
        """The experiments with a published FID that gets a verdict, in the file's order."""
        return list(dict.fromkeys(number.experiment for number in self.fids if number.judged))

    @functools.cached_property
    def fids(self) -> tuple[PublishedNumber, ...]:
        """Every published FID, in the file's order."""
        return tuple(self._numbers(self.fid))

    @functools.cached_property
    def latencies(self) -> tuple[PublishedNumber, ...]:
        """Every published latency, relative to that of the source's baseline at the same solver.

        Seconds on different machines do not compare (SPEC 9.4).
        """
        numbers = list(self._numbers(self.latency_s_per_batch))
        baselines = {
            (number.source, number.experiment, number.solver): number.printed
            for number in numbers
            if number.model == self.sources[number.source].baseline and number.length is None
        }
        return tuple(
            dataclasses.replace(number, value=self._ratio(number, baselines), statistics="") for number in numbers
        )

    def _ratio(self, latency: PublishedNumber, baselines: dict[tuple, float]) -> float | None:
        """Returns the ratio to the baseline's latency; None for its own, or if it was not timed with that solver."""
        baseline = baselines.get((latency.source, latency.experiment, latency.solver))
        is_baseline = latency.model == self.sources[latency.source].baseline
        return None if baseline is None or is_baseline else latency.printed / baseline

    def published(self, cell: Cell) -> list[PublishedNumber]:
        """Returns the published FIDs of a cell, the unambiguous ones first."""
        return sorted((number for number in self.fids if number.is_of(cell)), key=lambda number: number.ambiguous)

    def relative_latency(self, cell: Cell) -> float | None:
        """Returns the published latency of a cell, relative to that of the same source's baseline."""
        return next((number.value for number in self.latencies if number.is_of(cell)), None)

    def _numbers(self, groups: list[SeriesGroup]) -> Iterator[PublishedNumber]:
        for group in groups:
            origin = self.sources[group.source]
            for series in group.rows:
                said = {key: self._said(key, group, series) for key in Scope.model_fields}
                for solver, value in series.values():
                    printed, deviation = value if isinstance(value, tuple) else (value, None)
                    yield PublishedNumber(
                        value=printed,
                        deviation=deviation,
                        printed=printed,
                        source=group.source,
                        model=series.model,
                        length=series.length,
                        solver=solver,
                        models=tuple(origin.models.get(series.model, [series.model])),
                        ambiguous=series.model in origin.ambiguous,
                        judged=origin.judged,
                        experiment=said["experiment"],
                        guidance=said["guidance"],
                        weights=_several(said["weights"]),
                        d=_several(said["d"]),
                        statistics=said["statistics"] or "",
                    )


def load_references(path: str | pathlib.Path) -> References:
    """Reads and checks the published numbers.

    Raises:
        OdeltError: the file is missing, not YAML, or has a key or a value that is not known; the line names it.
    """
    path = pathlib.Path(path)
    trace.used(path)
    return parse(References, read_yaml(path, "file of published numbers"), str(path))


def _several(value: Any) -> tuple:
    return tuple(value) if isinstance(value, list) else (value,)
