"""The evaluation grid: its points, in the order of the tables, and where each point's files lie.

The workflow and the tables share the names of points, so that neither has to guess the other's.
"""

import dataclasses
import itertools
import pathlib
from collections.abc import Iterator

from odelt.config import Experiment, GridBlock, Solver, network_of


@dataclasses.dataclass(frozen=True)
class SampleGroup:
    """Sample sets made by one process: one model's weights at one length (None: the conventional path)."""

    model: str
    weights: str
    length: int | None

    @property
    def path(self) -> str:
        """`<model>/<weights>/<length>`, the folder of the group's files below samples/, features/ and scores/."""
        return f"{self.model}/{self.weights}/{length_name(self.length)}"


@dataclasses.dataclass(frozen=True)
class Point:
    """One cell of the tables."""

    group: SampleGroup
    solver: Solver
    guidance: float
    d: int | None  # of adaptive solvers; Euler's follows from T

    @property
    def name(self) -> str:
        condition = "" if self.d is None else f"_d{self.d}"
        return f"{str(self.solver).replace(':', '-')}{condition}_w{number(self.guidance)}"

    @property
    def path(self) -> str:
        return f"{self.group.path}/{self.name}"


def number(value: float) -> str:
    """All its digits, and no ".0"."""
    return repr(value).removesuffix(".0")


def length_name(length: int | None) -> str:
    return "full" if length is None else f"l{length}"


def rule_name(*parts: str) -> str:
    """A name that Snakemake admits for a rule, from names and paths of ours."""
    return "_".join(parts).replace("-", "_").replace("/", "_")


def points(experiment: Experiment) -> list[Point]:
    """Every point that the experiment's grid asks for, once."""
    return list(
        dict.fromkeys(itertools.chain.from_iterable(_points(experiment, block) for block in experiment.evaluation.grid))
    )


def sample_groups(experiment: Experiment) -> dict[SampleGroup, list[Point]]:
    groups: dict[SampleGroup, list[Point]] = {}
    for point in points(experiment):
        groups.setdefault(point.group, []).append(point)
    return groups


def latency_points(experiment: Experiment) -> dict[tuple[str, int | None], list[Point]]:
    """What is timed per (model, length): every solver at every guidance, with EMA weights."""
    timed: dict[tuple[str, int | None], list[Point]] = {}
    for point in points(experiment):
        as_ema = dataclasses.replace(point, group=dataclasses.replace(point.group, weights="ema"))
        known = timed.setdefault((point.group.model, point.group.length), [])
        if as_ema not in known:
            known.append(as_ema)
    return timed


def latency_path(model: str, length: int | None) -> str:
    return f"{model}/{length_name(length)}"


def _points(experiment: Experiment, block: GridBlock) -> Iterator[Point]:
    network = network_of(experiment)
    for model in block.models:
        lengths = (block.lengths or network.lengths) if experiment.models[model].inner_ode else (None,)
        for length, solver in itertools.product(lengths, block.solvers):
            yield Point(
                SampleGroup(model, block.weights, length), solver, block.guidance, block.d if solver.adaptive else None
            )


@dataclasses.dataclass(frozen=True)
class Layout:
    """Where an experiment's files lie: `results/<suite>/<experiment>/…`."""

    root: pathlib.Path

    def model(self, name: str) -> pathlib.Path:
        return self.root / "models" / name

    def samples(self, point: Point) -> pathlib.Path:
        return self.root / "samples" / f"{point.path}.npz"

    def score(self, point: Point) -> pathlib.Path:
        return self.root / "scores" / f"{point.path}.json"

    def latency(self, model: str, length: int | None) -> pathlib.Path:
        return self.root / "latency" / f"{latency_path(model, length)}.json"

    @property
    def floor(self) -> pathlib.Path:
        return self.root / "scores" / "floor.json"

    def curve(self, model: str) -> pathlib.Path:
        return self.root / "models" / model / "training.csv"
