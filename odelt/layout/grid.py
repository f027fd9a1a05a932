"""The evaluation grid: an experiment's runs and points, in the order of the tables, with their names.

The workflow and the tables share these names, so that neither has to guess the other's.
"""

import dataclasses
import itertools
from collections.abc import Iterator

from odelt.config import SCRATCH, Experiment, GridBlock, Length, ModelSettings, Solver, network_of


@dataclasses.dataclass(frozen=True)
class Run:
    """One set of weights: a model with one seed. Its name, `<model>` or `<model>-seed<n>`, is that of its folder."""

    name: str
    model: str
    seed: int | None  # of its training; downloaded weights have none that is known
    settings: ModelSettings
    start: str | None  # the run whose weights it starts from; None: fresh or downloaded ones

    @property
    def label(self) -> str:
        return self.settings.label

    @property
    def inner_ode(self) -> bool:
        return self.settings.inner_ode

    @property
    def step_conditioned(self) -> bool:
        """Whether the network was trained on step sizes; else the input of its d-embedding is always 0 (SPEC 4.5)."""
        return self.settings.training is None or self.settings.training.objective.step_conditioned


@dataclasses.dataclass(frozen=True)
class SampleGroup:
    """The sample sets of one run's weights at one length (None: the conventional path)."""

    model: str  # a run's name
    weights: str
    length: int | None

    @property
    def path(self) -> str:
        """`<model>/<weights>/<length>`, the folder of the group's files below samples/, features/ and scores/."""
        return f"{self.model}/{self.weights}/{Length(self.length).name}"

    def __str__(self) -> str:
        return self.path


@dataclasses.dataclass(frozen=True)
class Point:
    """One cell of the tables."""

    group: SampleGroup
    solver: Solver
    guidance: float
    d: int | None  # None: it follows from T, as the networks learn it

    @property
    def name(self) -> str:
        condition = "" if self.d is None else f"_d{self.d}"
        return f"{str(self.solver).replace(':', '-')}{condition}_w{number(self.guidance)}"

    @property
    def path(self) -> str:
        return f"{self.group.path}/{self.name}"

    def __str__(self) -> str:
        return self.path


@dataclasses.dataclass(frozen=True)
class ProgramKey:
    """What tells an experiment's programs apart, and so what a latency belongs to: weights do not change it."""

    length: int | None
    solver: Solver
    guided: bool  # whether each evaluation sees a doubled batch

    @classmethod
    def parse(cls, text: str) -> "ProgramKey":
        """Reads what `str` writes.

        Raises:
            OdeltError: it is no program.
        """
        length, _, rest = text.partition(",")
        solver = rest.removesuffix(GUIDED)
        return cls(Length.parse(length).blocks, Solver.parse(solver), solver != rest)

    def __str__(self) -> str:
        return f"{Length(self.length)},{self.solver}{GUIDED if self.guided else ''}"

    @property
    def guidance(self) -> float:
        """A guidance scale that takes as long."""
        return 1.5 if self.guided else 1.0


GUIDED = ",guided"
TIMED_TOLERANCE = 1e-3  # an evaluation takes as long at every tolerance


def number(value: float) -> str:
    """All its digits, and no ".0"."""
    return repr(value).removesuffix(".0")


def rule_name(word: str, experiment: str, job: str = "") -> str:
    """A name that Snakemake admits for a rule, from names of ours; no two of them give the same."""
    return "__".join(filter(None, (f"{word}_{experiment}", job))).replace("-", "_").replace("/", "_")


def runs(experiment: Experiment) -> dict[str, Run]:
    """Returns the experiment's runs by name. Seeds after a model's first get a suffix.

    A run starts from the run of its own seed, where the model that it starts from has one, and else from the first.
    """
    names = {
        (model, seed): model if k == 0 else f"{model}-seed{seed}"
        for model, settings in experiment.models.items()
        for k, seed in enumerate((None,) if settings.source else settings.seeds or (experiment.seed,))
    }
    made = {}
    for (model, seed), name in names.items():
        settings = experiment.models[model]
        start = settings.start
        start = None if start is None or start == SCRATCH else names.get((start, seed), start)
        made[name] = Run(name, model, seed, settings, start)
    return made


def needed_runs(experiment: Experiment) -> list[Run]:
    """The runs that the grid evaluates, and what they start from."""
    known = runs(experiment)
    evaluated = {model for block in experiment.evaluation.grid for model in block.models}
    needed = {name for name, run in known.items() if run.model in evaluated}
    for name in list(needed):
        while (name := known[name].start) is not None:
            needed.add(name)
    return [run for name, run in known.items() if name in needed]


def trained_runs(experiment: Experiment) -> list[Run]:
    """The needed runs that are trained here."""
    return [run for run in needed_runs(experiment) if run.settings.training]


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


def program_of(point: Point) -> ProgramKey:
    """The program whose latency is the point's. An adaptive solver's is that of an evaluation, at any tolerance."""
    solver = point.solver
    if not solver.method.fixed:
        solver = dataclasses.replace(solver, parameter=TIMED_TOLERANCE)
    return ProgramKey(point.group.length, solver, point.guidance not in (0, 1))


def programs(experiment: Experiment) -> list[ProgramKey]:
    """Every program that the experiment's grid runs, once."""
    return list(dict.fromkeys(map(program_of, points(experiment))))


def point_jobs(experiment: Experiment) -> dict[str, list[Point]]:
    """The points whose sample sets, features and scores one job makes, by the job's name, a path.

    A run's weights at one length where the network is large; all points of a run where the start of a process and the
    compilation of its programs take longer than the computation.
    """
    jobs: dict[str, list[Point]] = {}
    for group, of_group in sample_groups(experiment).items():
        jobs.setdefault(group.path if experiment.latent else group.model, []).extend(of_group)
    return jobs


def latency_points(experiment: Experiment) -> dict[tuple[str, int | None], list[Point]]:
    """What older versions timed per (model, length): each point, with EMA weights of the first seed."""
    timed: dict[tuple[str, int | None], list[Point]] = {}
    known = runs(experiment)
    for point in points(experiment):
        model = known[point.group.model].model
        of_first = dataclasses.replace(point, group=SampleGroup(model, "ema", point.group.length))
        timed.setdefault((model, point.group.length), []).append(of_first)
    return {key: list(dict.fromkeys(group)) for key, group in timed.items()}


def main_steps(experiment: Experiment) -> list[int]:
    """The main table's T: those that raw weights are evaluated at too; all where there are none."""
    points_with_T = [point for point in points(experiment) if point.solver.T]
    raw = [point for point in points_with_T if point.group.weights == "raw"]
    return sorted({T for point in raw or points_with_T if (T := point.solver.T)})


def main_points(experiment: Experiment) -> list[Point]:
    """The points of the main table: Euler's, at its T."""
    steps = main_steps(experiment)
    return [point for point in points(experiment) if point.solver.T in steps]


def downloaded_points(experiment: Experiment) -> list[Point]:
    """The points of downloaded weights, which nothing is trained for."""
    known = runs(experiment)
    return [point for point in points(experiment) if known[point.group.model].settings.source]


def pictured_points(experiment: Experiment) -> list[Point]:
    """The points of the picture grid: the inner ODE's first model, EMA weights, Euler."""
    model = next((run.name for run in runs(experiment).values() if run.inner_ode and _evaluated(experiment, run)), None)
    of_ema = [point for point in points(experiment) if point.solver.T and point.group.weights == "ema"]
    return [point for point in of_ema if point.group.model == model]


def point_facts(name: str, experiment: Experiment, point: Point) -> dict:
    """What a score says that it is of."""
    run = runs(experiment)[point.group.model]
    return {
        "experiment": name,
        "model": run.model,
        "weights": point.group.weights,
        **length_facts(experiment, point.group.length),
        "solver": str(point.solver),
        "d": point.d,
        "guidance": point.guidance,
        "seed": run.seed,
        "sampling_seed": experiment.evaluation.seed,
    }


def length_facts(experiment: Experiment, length: int | None) -> dict:
    """A nominal length as the command line names it, and how many blocks act."""
    return {
        "length": Length(length).cell,
        "effective_blocks": network_of(experiment).effective_blocks(length),
    }


def _evaluated(experiment: Experiment, run: Run) -> bool:
    return any(run.model in block.models for block in experiment.evaluation.grid)


def latency_path(model: str, length: int | None) -> str:
    return f"{model}/{Length(length).name}"


def _points(experiment: Experiment, block: GridBlock) -> Iterator[Point]:
    network = network_of(experiment)
    for model in block.models:
        for run in runs(experiment).values():
            if run.model != model:
                continue
            lengths = (block.lengths or network.lengths) if run.inner_ode else (None,)
            for length, solver in itertools.product(lengths, block.solvers):
                if block.joint:
                    solver = solver.jointly(experiment.evaluation.batch_size)
                d = None if solver.method.takes_shortcuts else block.d
                if not run.step_conditioned:
                    d = 0
                yield Point(SampleGroup(run.name, block.weights, length), solver, block.guidance, d)
