"""Before the first job: is the configuration valid, is anything missing here, what will it cost."""

import csv
import fcntl
import importlib.metadata
import os
import pathlib
import re
import shutil
import subprocess
import sys

import yaml

from odelt import costs, grid
from odelt.config import Suite, load_suite, nearest
from odelt.errors import OdeltError

CONFIG = pathlib.Path("config")
CONFIG_KEYS = ("suite",)
ASSUMED_RATE = 30e9  # floating-point operations per second of small networks on two CPU cores


def suite_or_exit(config: dict) -> Suite:
    """The suite that the workflow's configuration names; one line and exit status 2 where that is not valid."""
    try:
        for key in config:
            if key not in CONFIG_KEYS:
                raise OdeltError(f"unknown configuration key '{key}'{nearest(key, CONFIG_KEYS)}")
        return suite_named(config.get("suite"))
    except OdeltError as error:
        print(f"odelt: {error}", file=sys.stderr)
        sys.exit(2)


def configured() -> str:
    """The name of the suite that `config/config.yaml` names."""
    try:
        return yaml.safe_load((CONFIG / "config.yaml").read_text())["suite"]
    except (OSError, TypeError, KeyError, yaml.YAMLError):
        raise OdeltError(f"{CONFIG / 'config.yaml'} does not name a suite; start in the project's folder") from None


def suite_named(name: str) -> Suite:
    return load_suite(CONFIG / f"{name}.yaml")


_claim = None  # open while this process lives


def enter(folder: pathlib.Path) -> None:
    """Prepares the process that runs a workflow, whose own files are in `folder` (.snakemake).

    Jobs find this environment's programs, also where the environment is not activated. And no lock of a dead Snakemake
    stands in the way: every workflow process holds a shared lock on a file of ours, which the kernel takes back
    however it ends. Who can lock it exclusively for a moment is the only one alive, so that Snakemake's own lock files
    are leftovers.
    """
    os.environ["PATH"] = os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])
    global _claim
    folder.mkdir(exist_ok=True)
    _claim = (folder / "alive").open("w")
    try:
        fcntl.flock(_claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        pass
    else:
        for lock in (folder / "locks").glob("*.lock"):
            lock.unlink(missing_ok=True)
    fcntl.flock(_claim, fcntl.LOCK_SH)


def missing(suite: Suite) -> list[str]:
    """Each thing that the suite's jobs need and that is not here, with its remedy, on a line."""
    found = [*_missing_packages()]
    results = pathlib.Path("results")
    if not os.access(results if results.exists() else ".", os.W_OK):
        found.append(f"{results.absolute()} cannot be written; change its permissions")
    needed = sum(costs.cost(experiment).disk for experiment in suite.experiments.values())
    free = shutil.disk_usage(".").free
    if free < needed:
        found.append(f"the disk has {_bytes(free)} left and the suite needs {_bytes(needed)}; free some")
    return found


def _missing_packages() -> list[str]:
    """Packages of the project's own list that are absent."""
    try:
        requirements = importlib.metadata.requires("odelt") or []
    except importlib.metadata.PackageNotFoundError:
        return ["the package odelt is not installed here; type: make env"]
    names = [re.match(r"[\w.-]+", requirement)[0] for requirement in requirements]
    absent = [name for name in names if not _installed(name)]
    return [f"the package {name} is not installed; type: make env" for name in absent]


def _installed(name: str) -> bool:
    try:
        importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def plan(name: str, suite: Suite) -> str:
    """What the suite will cost, as text: jobs still to run, operations, time, disk, downloads."""
    lines = [f"suite {name}"]
    for title, experiment in suite.experiments.items():
        cost = costs.cost(experiment)
        runs = sum(model.training.steps for model in experiment.models.values())
        lines += [
            f"  {title}: {len(experiment.models)} training runs, {runs:,} steps: {cost.training / 1e12:,.1f} TFLOP",
            f"    {len(grid.points(experiment))} sample sets of {experiment.evaluation.samples:,}: "
            f"{cost.sampling / 1e12:,.1f} TFLOP; latency: {cost.latency / 1e12:,.1f} TFLOP; disk: {_bytes(cost.disk)}",
        ]
    total = sum(costs.cost(experiment).operations for experiment in suite.experiments.values())
    if measured := _measured_seconds(name, suite):
        lines.append(f"  time: {measured / 60:.1f} minutes of jobs, measured in an earlier run in results/{name}")
    else:
        minutes = total / ASSUMED_RATE / 60
        lines.append(f"  time: about {minutes:.0f} minutes, assuming {ASSUMED_RATE / 1e9:.0f} GFLOP/s (two CPU cores)")
    lines += ["  GPU-hours: 0, this suite needs none", "  downloads: none", f"  {_jobs_left(name)}"]
    return "\n".join(lines)


def _measured_seconds(name: str, suite: Suite) -> float:
    """Seconds that the jobs of a whole earlier run took, from Snakemake's benchmark files; 0 where one is missing."""
    folder = pathlib.Path("results", name, "benchmarks")
    for title, experiment in suite.experiments.items():
        jobs = [f"train/{model}" for model in experiment.models]
        jobs += [f"sample/{group.path}" for group in grid.sample_groups(experiment)]
        jobs += [f"latency/{grid.latency_path(*timed)}" for timed in grid.latency_points(experiment)]
        jobs += [f"score/{point.path}" for point in grid.points(experiment)]
        if not all((folder / title / f"{job}.tsv").exists() for job in jobs):
            return 0
    files = folder.rglob("*.tsv")
    return sum(float(row["s"]) for file in files for row in csv.DictReader(file.open(), delimiter="\t"))


def _jobs_left(name: str) -> str:
    """How many jobs Snakemake would run now."""
    command = [sys.executable, "-m", "snakemake", "--dry-run", "--cores", "all", "--config", f"suite={name}"]
    told = subprocess.run(command, capture_output=True, text=True)
    if told.returncode:
        return f"jobs to run: Snakemake does not say: {' '.join(told.stderr.split())[-200:]}"
    total = re.search(r"^total\s+(\d+)", told.stdout + told.stderr, flags=re.M)
    return f"jobs to run: {total[1] if total else 0}"


def _bytes(count: float) -> str:
    return f"{count / 1e9:,.1f} GB" if count >= 1e9 else f"{count / 1e6:,.0f} MB"
