"""What a suite will cost: jobs still to run, operations, GPU-hours, time, disk and downloads, as text.

Only this module and `doctor` ask Snakemake anything: which jobs it would run now.
"""

import csv
import os
import pathlib
import re
import subprocess
import sys
from collections.abc import Sequence
from typing import NamedTuple

from odelt.config import Experiment, Suite
from odelt.config.registry import load_registry
from odelt.errors import OdeltError
from odelt.layout import grid
from odelt.machine import devices, rates, surroundings
from odelt.planning import doctor
from odelt.planning.costs import Cost
from odelt.planning.doctor import Job, told_bytes
from odelt.quoting import one_line, printable
from odelt.verbs import verb_of_rule


class Gpu(NamedTuple):
    """Floating-point operations per second that are assumed: transformers in bfloat16, convolutions in float32.

    40 % and 50 % of what the makers state; what was measured (`odelt.machine.rates`) comes before the former.
    """

    transformer: float
    convolution: float


GPUS = {
    "h200": Gpu(0.4 * 989e12, 0.5 * 67e12),
    "h100": Gpu(0.4 * 989e12, 0.5 * 67e12),
    "a100": Gpu(0.4 * 312e12, 0.5 * 19.5e12),
    "rtx4090": Gpu(0.4 * 165e12, 0.5 * 82.6e12),
}


class Speed(NamedTuple):
    """Operations per second that the plan reckons with, and where each figure comes from, in words."""

    training: float
    sampling: float
    convolution: float
    told: str


def speed(gpu: str) -> Speed:
    """Of one of GPUS: measured where there are measurements, else assumed."""
    assumed = GPUS[gpu]
    found = {kind: rates.measured(kind, gpu, "bfloat16") for kind in ("training", "sampling")}
    each = {kind: rate.operations if rate else assumed.transformer for kind, rate in found.items()}
    told = [f"{kind}: {rate.told}" for kind, rate in found.items() if rate]
    rest = "transformers" if not told else " and ".join(kind for kind, rate in found.items() if not rate)
    told += [f"{assumed.transformer / 1e12:.0f} TFLOP/s assumed for {rest}"] if rest else []
    told.append(f"{assumed.convolution / 1e12:.0f} TFLOP/s assumed for convolutions")
    return Speed(**each, convolution=assumed.convolution, told=", ".join(told))


def asked(name: str, targets: Sequence[str] = ()) -> list[Job]:
    """The jobs that Snakemake would run now for these targets (everything, where none is named).

    Raises:
        OdeltError: Snakemake cannot say.
    """
    told = _snakemake(name, targets, "--summary")
    jobs: dict[tuple, Job] = {}
    for row in csv.DictReader(told.splitlines(), delimiter="\t"):
        if row["plan"] == "update pending":
            path = pathlib.PurePath(row["output_file"])
            verb = verb_of_rule(row["rule"])
            # Outputs of one job: those of a generated rule, or those in the folder that the verb writes.
            outputs = None if verb and verb.generated else path.parent if verb is None or verb.outputs else path
            jobs.setdefault((row["rule"], outputs), Job(row["rule"], str(path)))
    return list(jobs.values())


def plan(name: str, suite: Suite, gpu: str, targets: Sequence[str] = ()) -> str:
    """The plan as text; `gpu` is one of GPUS."""
    jobs, total = asked(name, targets), _count(name, targets)
    lines = [f"suite {name}: {total} jobs to run"]
    hours, reckoned = 0.0, speed(gpu)
    for title, experiment in suite.enabled.items():
        of_it = doctor.of_experiment(title, jobs)
        if not of_it:
            continue
        cost = doctor.cost_of(title, experiment, jobs)
        hours += _hours(experiment, cost, reckoned)
        lines += [
            f"  {title}: {len(of_it)} jobs",
            *(f"    {line}" for line in _told(experiment, cost, of_it, reckoned)),
        ]
    for dataset, experiment in {e.dataset.name: e for e in suite.enabled.values()}.items():
        of_it = [job for job in jobs if f"/datasets/{dataset}/" in job.path]
        if of_it:
            prepared = doctor.preparation_of(experiment, jobs)
            needed = prepared.operations / reckoned.convolution / 3600
            hours += needed
            time = f"{needed:,.1f} GPU-hours; " if experiment.latent else ""
            lines.append(f"  {dataset}: {len(of_it)} jobs; {time}disk: {told_bytes(prepared.passing)} for a while")
    lines += [
        *_time(name, suite, jobs, hours, gpu, reckoned),
        f"  disk at the peak: {told_bytes(doctor.disk(suite, jobs))}",
    ]
    return "\n".join([*lines, *_downloads(suite, jobs)])


def _told(experiment: Experiment, cost: Cost, jobs: Sequence[Job], reckoned: Speed) -> list[str]:
    trained = [job for job in jobs if job.calls("train")]
    groups = [job for job in jobs if job.calls("sample-grid")]
    lines = []
    if trained:
        lines.append(f"{len(trained)} training runs: {_operations(cost.training)}")
    if groups:
        count = experiment.evaluation.samples
        lines.append(f"{len(groups)} groups of sample sets of {count:,}: {_operations(cost.sampling)}")
    if cost.latency:
        lines.append(f"latency: {_operations(cost.latency)}")
    if cost.pictures:
        lines.append(f"decoded and scored: {_operations(cost.pictures)}")
    if experiment.latent:
        lines.append(f"{_hours(experiment, cost, reckoned):,.1f} GPU-hours")
    return [*lines, f"disk: {told_bytes(cost.kept)}, and {told_bytes(cost.passing)} for a while"]


def _hours(experiment: Experiment, cost: Cost, reckoned: Speed) -> float:
    if not experiment.latent:  # small, for a processor
        return 0.0
    seconds = cost.training / reckoned.training + (cost.sampling + cost.latency) / reckoned.sampling
    return (seconds + cost.pictures / reckoned.convolution) / 3600


def _time(name: str, suite: Suite, jobs: Sequence[Job], hours: float, gpu: str, reckoned: Speed) -> list[str]:
    small = {title: e for title, e in suite.enabled.items() if not e.latent and doctor.of_experiment(title, jobs)}
    lines = []
    if small and (measured := _measured_seconds(name, suite)):
        lines.append(f"  time: {measured / 60:.1f} minutes of jobs, measured in an earlier run in results/{name}")
    elif small:
        of_small = [doctor.cost_of(title, experiment, jobs).operations for title, experiment in small.items()]
        minutes = sum(of_small) / devices.CPU_RATE / 60
        lines.append(
            f"  time: about {minutes:.0f} minutes, assuming {devices.CPU_RATE / 1e9:.0f} GFLOP/s (two CPU cores)"
        )
    if hours:
        lines.append(f"  GPU-hours: about {hours:,.0f} on one {gpu.upper()}; {reckoned.told}")
    else:
        lines.append("  GPU-hours: 0, these jobs need none")
    return lines


def _downloads(suite: Suite, jobs: Sequence[Job]) -> list[str]:
    named = doctor.downloaded(suite, jobs)
    if not named:
        return ["  downloads: none"]
    registry = load_registry(suite.downloads.registry)
    lines = [f"  downloads: {told_bytes(doctor.downloads(suite, jobs))} in {len(named)} sources"]
    for name in named:
        source = registry[name]
        lines.append(
            printable(f"    {name}: {told_bytes(source.bytes) if source.bytes else 'of unknown size'}, {source.what}")
        )
    return lines


def _measured_seconds(name: str, suite: Suite) -> float:
    """Seconds that the jobs of a whole earlier run took, from Snakemake's benchmark files; 0 where one is missing."""
    folder = pathlib.Path("results", name, "benchmarks")
    for title, experiment in suite.enabled.items():
        jobs = [f"models/{run}" for run in grid.runs(experiment)]
        jobs += [f"sample/{group.path}" for group in grid.sample_groups(experiment)]
        jobs += [f"latency/{grid.latency_path(*timed)}" for timed in grid.latency_points(experiment)]
        jobs += [f"score/{group.path}" for group in grid.sample_groups(experiment)]
        if not all((folder / title / f"{job}.tsv").exists() for job in jobs):
            return 0
    files = folder.rglob("*.tsv")
    return sum(float(row["s"]) for file in files for row in csv.DictReader(file.open(encoding="utf-8"), delimiter="\t"))


def _count(name: str, targets: Sequence[str]) -> int:
    """How many jobs Snakemake itself counts."""
    total = re.search(r"^total\s+(\d+)", _snakemake(name, targets, "--dry-run"), flags=re.M)
    return int(total[1]) if total else 0


def _snakemake(name: str, targets: Sequence[str], *options: str) -> str:
    command = [sys.executable, "-m", "snakemake", *options, "--cores", "all", *targets, "--config", f"suite={name}"]
    environment = os.environ | {"PYTHONIOENCODING": "utf-8"}  # whatever the locale
    told = subprocess.run(command, capture_output=True, env=environment, encoding="utf-8", errors="replace")
    if told.returncode:
        if around := surroundings.missing():
            raise OdeltError(around[0])
        last = told.stderr.strip().rpartition("\n")[2]
        ours = last.removeprefix("odelt: ")
        raise OdeltError(ours if ours != last else f"Snakemake cannot say which jobs it would run: {one_line(last)}")
    return told.stdout if "--summary" in options else told.stdout + told.stderr


def _operations(count: float) -> str:
    unit, size = next(((u, s) for u, s in (("EFLOP", 1e18), ("PFLOP", 1e15)) if count >= s), ("TFLOP", 1e12))
    return f"{count / size:,.1f} {unit}"
