"""Before the first job: is the configuration valid, and is anything missing that the jobs asked for need here."""

import importlib.metadata
import os
import pathlib
import shutil
import sys
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from odelt.config import CONFIG, Experiment, Suite, advice, nearest, subfolders, suite_named
from odelt.config.latency_study import LatencyStudy, load_latency_study
from odelt.config.registry import Registry, load_registry
from odelt.errors import OdeltError
from odelt.layout import paths, targets
from odelt.machine import alive, devices, locks, surroundings
from odelt.plain_data import read_yaml
from odelt.planning import costs
from odelt.quoting import printable, quoted
from odelt.results.references import load_references
from odelt.verbs import verb_of_rule
from odelt.verbs.verb import Verb

CONFIG_KEYS = ("suite", "latency")
REMOTE_CORES = 8  # of a cluster's node that a job may take
REPORT_KEYS = ("verdicts", "audit")  # files that the rule `report` hands to the report's first page

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


def suite_or_exit(config: dict, files: Iterable[str] = ()) -> Suite:
    """The suite that the workflow's configuration names; one line and exit status 2 where that is not valid.

    `files` are those that Snakemake read the configuration from: they are read again, with our limits.
    """
    try:
        for file in files:
            read_yaml(file, "configuration")
        for key, value in config.items():
            if key not in CONFIG_KEYS and not (key in REPORT_KEYS and isinstance(value, dict)):
                raise OdeltError(f"unknown configuration key {quoted(key)}{nearest(key, CONFIG_KEYS)}")
        suite = suite_named(str(config.get("suite")))
        _check_named_files(config["suite"], suite)
        load_references(suite.published)
        _check_locale(suite)
        return suite
    except OdeltError as error:
        print(f"odelt: {error}", file=sys.stderr)
        sys.exit(2)


def has_claims(suite: Suite) -> bool:
    """Whether an abstract claims anything of the suite's experiments."""
    return bool(load_references(suite.published).claims_of(suite.enabled))


def enter_or_exit() -> None:
    """Prepares the process that runs a workflow here; one line and exit status 2 where it cannot write here."""
    try:
        alive.enter(alive.FOLDER)
    except OSError as error:
        print(f"odelt: cannot write {alive.FOLDER.absolute()}: {error.strerror}; change its owner", file=sys.stderr)
        sys.exit(2)


def storage_or_exit(provider: str | None) -> None:
    """One line and exit status 2 where files would go to object storage (Snakemake's --default-storage-provider).

    Records are next to the outputs, and model directories are parameters: Snakemake would upload neither.
    """
    if provider not in (None, "none", "fs"):
        print(
            f"odelt: --default-storage-provider {provider}: records and model directories would be lost there; leave "
            "it out, and keep the results on a filesystem that all machines share",
            file=sys.stderr,
        )
        sys.exit(2)


def cores_or_exit(cores: int | None, jobs: int | None, local: bool = True) -> int:
    """The cores that the workflow shares among its jobs, at least 1; one line and exit status 2 where there are none.

    `cores` and `jobs` are Snakemake's --cores and --jobs, None where they are not given: not every call needs them
    (--summary, --unlock, --dag), and the rules are read all the same, with the cores of this machine. Where the jobs do
    not run here (`local`), the cores of this machine do not count.
    """
    for option, number in (("--cores", cores), ("--jobs", jobs)):
        if number is not None and number < 1:
            print(f"odelt: {option} {number}: no job could ever run; type --cores all, or a number", file=sys.stderr)
            sys.exit(2)
    return (cores or os.cpu_count() or 1) if local else REMOTE_CORES


def _check_named_files(name: str, suite: Suite) -> None:
    """Raises OdeltError if a file that the suite names does not exist."""
    own, named = CONFIG / f"{name}.yaml", {"published": suite.published}
    if paths.sources_of(suite):
        named["downloads.registry"] = suite.downloads.registry
    for key, path in named.items():
        if not pathlib.Path(path).is_file():
            known = sorted(str(file) for file in pathlib.Path(path).parent.glob("*.yaml") if file != own)
            hint = nearest(path, known) or "; put it there, or name another"
            raise OdeltError(f"{own}: {key}: there is no file {quoted(path)}{hint}")


def _check_locale(suite: Suite) -> None:
    """OdeltError where a text of the suite cannot be part of a command or a path in this locale."""
    dataset_paths = {f"the path of dataset {name}": dataset.path for name, dataset in suite.datasets.items()}
    for what, text in {"downloads.note": suite.downloads.note, **dataset_paths}.items():
        try:
            os.fsencode(text or "")
        except UnicodeEncodeError:
            raise OdeltError(
                f"{what}: this locale lacks a character of {quoted(text)}; type: export LC_ALL=C.UTF-8"
            ) from None


def latency_study_or_exit(path: str) -> LatencyStudy:
    """The latency study in this file; one line and exit status 2 where that is not valid."""
    try:
        return load_latency_study(path)
    except OdeltError as error:
        print(f"odelt: {error}", file=sys.stderr)
        sys.exit(2)


def registry_or_exit(suite: Suite) -> Registry | None:
    """The registry of the suite's downloads, if there are any; each of them is in it."""
    names = paths.sources_of(suite)
    if not names:
        return None
    try:
        registry = load_registry(suite.downloads.registry)
        for name in names:
            registry[name]
    except OdeltError as error:
        print(f"odelt: {error}", file=sys.stderr)
        sys.exit(2)
    return registry


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


def start_or_exit(suite: Suite, jobs: Sequence[Job], *, gpu: bool, packages: bool) -> None:
    """Warns, and stops a run before its first job with the list of what is missing and exit status 2."""
    warn(suite, jobs)
    lines = missing(suite, jobs, gpu=gpu, packages=packages)
    for line in lines:
        print(f"odelt: {line}", file=sys.stderr)
    if lines:
        sys.exit(2)


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
