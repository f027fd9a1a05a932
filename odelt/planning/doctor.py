"""Before the first job: is the configuration valid, and is anything missing that the jobs asked for need here."""

import importlib.metadata
import os
import pathlib
import shutil
import sys
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from odelt.config import Experiment, Suite, advice, subfolders
from odelt.config.registry import load_registry
from odelt.layout import paths, targets
from odelt.machine import devices, locks, surroundings
from odelt.planning import costs
from odelt.quoting import printable
from odelt.verbs import verb_of_rule
from odelt.verbs.verb import Verb

# Packages of each world, besides those of JAX, which every job needs.
WORLDS = {"jax": ["jax", "flax"], "vision": ["torch", "diffusers", "clean-fid"], "data": ["tensorflow-datasets"]}


class Job(NamedTuple):
    """A job that Snakemake would run: its rule, and its first output."""

    rule: str
    path: str

    @property
    def verb(self) -> Verb | None:
        """The verb that it calls; None where it calls none."""
        return verb_of_rule(self.rule)

    @property
    def output(self) -> pathlib.PurePosixPath:
        """Its first output's path below the suite's folder."""
        return pathlib.PurePosixPath(*pathlib.PurePosixPath(self.path).parts[2:])

    @property
    def dataset(self) -> str | None:
        """The name of the dataset that it prepares, encodes or describes."""
        return targets.dataset_name(self.output.as_posix())

    def calls(self, *names: str) -> bool:
        return self.verb is not None and self.verb.name in names


def missing(suite: Suite, jobs: Sequence[Job], *, gpu: bool = True, packages: bool = True) -> list[str]:
    """Returns a line for each thing that these jobs need and that is missing here, with the remedy.

    `gpu` and `packages` say whether the jobs run on this machine and in this environment.
    """
    problems = surroundings.missing()
    problems += _missing_packages(jobs) if packages else []
    problems += _missing_files(suite, jobs)
    if gpu and jobs and (line := devices.unavailable_platform()):
        problems.append(line)
    if gpu and (line := _missing_gpu(suite, jobs)):
        problems.append(line)
    results = pathlib.Path(paths.RESULTS)
    if not os.access(results if results.exists() else ".", os.W_OK):
        problems.append(f"{results.absolute()} cannot be written; change its permissions")
    needed, free = disk(suite, jobs), shutil.disk_usage(results if results.exists() else ".").free
    if free < needed:
        shortage = f"the disk has {readable_bytes(free)} left and these jobs need {readable_bytes(needed)}"
        problems.append(f"{shortage}; free some (odelt clean tells what can go)")
    return list(map(printable, problems))


def warn(suite: Suite, jobs: Sequence[Job]) -> None:
    """A line on stderr for what may go wrong: settings of the runs that these jobs train, and missing locks."""
    trained = [name for name in suite.enabled if any(job.calls("train") for job in of_experiment(name, jobs))]
    lines = list(advice.warnings(suite, trained))
    if os.access(".", os.W_OK) and not locks.work_in(pathlib.Path(".")):
        lines.append("this filesystem has no locks: run one Snakemake at a time here, and no command by hand")
    for line in lines:
        print(f"odelt: warning: {line}", file=sys.stderr)


def of_experiment(name: str, jobs: Iterable[Job]) -> list[Job]:
    """Returns the jobs whose output is in the experiment's folder, `results/<suite>/<name>`."""
    return [job for job in jobs if job.output.parts[:1] == (name,)]


def cost_of(name: str, settings: Experiment, jobs: Iterable[Job]) -> costs.Cost:
    """What these jobs of an experiment cost."""
    outputs = [job.output.relative_to(name) for job in of_experiment(name, jobs)]
    # A generated rule makes the samples, or the statistics and pictures, of a group: its first output stands for it.
    return costs.cost(settings, lambda part: any(output.is_relative_to(part) for output in outputs))


def preparation_of(settings: Experiment, jobs: Iterable[Job]) -> costs.Preparation:
    """What these jobs cost of preparing the dataset of an experiment."""
    outputs = {pathlib.PurePosixPath(*job.output.parts[2:]) for job in jobs if job.dataset == settings.dataset.name}
    return costs.preparation(settings, outputs.__contains__)


def disk(suite: Suite, jobs: Sequence[Job]) -> float:
    """Bytes that these jobs need at the peak: downloads, what stays of each experiment, and what passes."""
    each = [cost_of(name, settings, jobs) for name, settings in suite.enabled.items()]
    prepared = [preparation_of(settings, jobs).passing for settings in suite.users.values()]
    peak = max((cost.passing for cost in each), default=0)
    return downloads(suite, jobs) + sum(cost.kept for cost in each) + peak + sum(prepared)


def downloaded(suite: Suite, jobs: Sequence[Job]) -> list[str]:
    """The names of the sources that these jobs download."""
    made = {job.output.parts[1] for job in jobs if job.output.parts[:1] == (subfolders.SOURCES,)}
    return [name for name in paths.sources_of(suite) if name in made]


def downloads(suite: Suite, jobs: Sequence[Job]) -> float:
    """Bytes of the sources that these jobs download, where their size is known."""
    names = downloaded(suite, jobs)
    if not names:
        return 0
    registry = load_registry(suite.downloads.registry)
    return sum(registry[name].bytes or 0 for name in names)


def _missing_packages(jobs: Sequence[Job]) -> list[str]:
    """Returns a line for each missing package of the environments that these jobs use."""
    problems = []
    if not _installed("odelt"):
        return ["the package odelt is not installed here; type: make env"]
    needed = {"jax", *(job.verb.environment for job in jobs if job.verb)} if jobs else set()
    for world, packages in WORLDS.items():
        remedy = "make env" if world == "jax" else "make env-full, and use .venv-full"
        absent = [name for name in packages if world in needed and not _installed(name)]
        problems += [f"the package {name} is not installed; type: {remedy}" for name in absent]
    return problems


def _missing_files(suite: Suite, jobs: Sequence[Job]) -> list[str]:
    """Returns a line for each missing file or folder that the user provides."""
    problems = []
    for name, dataset in suite.datasets.items():
        own_jobs = [job for job in jobs if job.dataset == name]
        prepares = any(job.calls("prepare-data", "prepare-images") for job in own_jobs)
        reads = dataset.kind.in_place and bool(own_jobs)
        if dataset.path and (prepares or reads) and not pathlib.Path(dataset.path).exists():
            problems.append(f"{dataset.path} is missing: {dataset.kind.remedy}")
    return problems


def _missing_gpu(suite: Suite, jobs: Sequence[Job]) -> str | None:
    wanted = [job for job in jobs if job.verb and job.verb.gpu]
    heavy = [
        name
        for name, settings in suite.enabled.items()
        if cost_of(name, settings, wanted).operations > devices.CPU_LIMIT
    ]
    if not heavy or devices.inventory() or devices.cpu_is_allowed():
        return None
    return (
        f"there is no GPU here, and {len(wanted)} of these jobs need one ({', '.join(heavy)}); run them on a machine "
        f"that has one, or send them to one with Snakemake's --executor ({devices.ALLOW_CPU}=1 tries a processor)"
    )


def _installed(name: str) -> bool:
    try:
        importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def readable_bytes(count: float) -> str:
    """Returns a size with its unit, such as "1.2 GB"."""
    for unit, size in (("TB", 1e12), ("GB", 1e9)):
        if count >= size:
            return f"{count / size:,.1f} {unit}"
    return f"{count / 1e6:,.0f} MB"
