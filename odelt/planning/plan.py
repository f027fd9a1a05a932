"""What a suite will cost: jobs still to run, operations, GPU-hours, time, disk and downloads, as text.

Only this module and `doctor` ask Snakemake anything: which jobs it would run now.
"""

import csv
import os
import pathlib
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import NamedTuple, get_args

from odelt.config import Experiment, Precision, Suite, subfolders
from odelt.config.registry import load_registry
from odelt.errors import OdeltError
from odelt.layout import grid, paths
from odelt.machine import devices, rates, surroundings
from odelt.planning import doctor
from odelt.planning.costs import Cost
from odelt.planning.doctor import Job, readable_bytes
from odelt.quoting import one_line, printable
from odelt.verbs import verb_of_rule


class Gpu(NamedTuple):
    """Floating-point operations per second that are assumed where nothing was measured (`odelt.machine.rates`).

    Transformers in bfloat16: 40 % of what the makers state. Convolutions in float32: 50 %. In TF32: 26 %, but no less
    than in float32; in bfloat16 as in TF32.
    """

    transformer: float
    float32: float
    tf32: float


GPUS = {
    "h200": Gpu(0.4 * 989e12, 0.5 * 67e12, 130e12),
    "h100": Gpu(0.4 * 989e12, 0.5 * 67e12, 130e12),
    "a100": Gpu(0.4 * 312e12, 0.5 * 19.5e12, 0.26 * 156e12),
    "rtx4090": Gpu(0.4 * 165e12, 0.5 * 82.6e12, 0.5 * 82.6e12),
}
SAME_CHIP = {"h100": "h200"}  # it has more and faster memory, which work bound by products does not ask for


class Speed(NamedTuple):
    """Operations per second that the plan assumes, and in words where the figure comes from."""

    operations: float
    origin: str


def speeds(gpu: str, precision: Precision = "tf32") -> dict[str, Speed]:
    """Returns the speed of one of GPUS for each kind of work: measured if there are measurements, else assumed.

    The kinds are the fields of a Cost. Pictures are encoded, decoded and described in `precision`.
    """
    assumed = GPUS[gpu]
    convolution = assumed.float32 if precision == "float32" else assumed.tf32
    training, sampling = (_speed(kind, gpu, "bfloat16", assumed.transformer) for kind in ("training", "sampling"))
    pictures = _speed("pictures", gpu, precision, convolution)
    pictures = pictures._replace(origin=f"{pictures.origin}, in {precision}")
    return {"training": training, "sampling": sampling, "latency": sampling, "pictures": pictures}


def _speed(kind: rates.Kind, gpu: str, precision: str, assumed: float) -> Speed:
    rate, words = _measured(kind, gpu, precision)
    return Speed(rate.operations, words) if rate else Speed(assumed, f"{assumed / 1e12:,.0f} TFLOP/s assumed")


def _measured(kind: rates.Kind, gpu: str, precision: str) -> tuple[rates.Rate | None, str]:
    """The rate of a GPU, or of another with the same chip, and where it comes from."""
    if own := rates.measured(kind, gpu, precision):
        return own, own.text
    if (other := SAME_CHIP.get(gpu)) and (rate := rates.measured(kind, other, precision)):
        return rate, f"{rate.text}, whose chip is the same"
    return None, ""


def _precision(suite: Suite) -> Precision:
    """The slowest in which the suite's pictures are encoded and decoded."""
    used = {experiment.codec.dtype for experiment in suite.enabled.values() if experiment.codec}
    return next((precision for precision in get_args(Precision) if precision in used), "tf32")


def asked(name: str, targets: Sequence[str] = ()) -> list[Job]:
    """Returns the jobs that Snakemake would run now for these targets. Without targets: for everything.

    Raises:
        OdeltError: Snakemake cannot say.
    """
    summary = _snakemake(name, targets, "--summary")
    jobs: dict[tuple, Job] = {}
    for row in csv.DictReader(summary.splitlines(), delimiter="\t"):
        if row["plan"] == "update pending":
            path = pathlib.PurePath(row["output_file"])
            verb = verb_of_rule(row["rule"])
            # Outputs of one job: those of a generated rule, or those in the folder that the verb writes.
            outputs = None if verb and verb.generated else path.parent if verb is None or verb.outputs else path
            jobs.setdefault((row["rule"], outputs), Job(row["rule"], str(path)))
    return list(jobs.values())


def plan(name: str, suite: Suite, gpu: str, targets: Sequence[str] = ()) -> str:
    """Returns the plan as text; `gpu` is one of GPUS."""
    jobs, total = asked(name, targets), _count(name, targets)
    lines = [f"suite {name}: {total} jobs to run"]
    reckoned = speeds(gpu, _precision(suite))
    on_gpu = dict.fromkeys(reckoned, 0.0)  # operations of each kind of work
    for title, experiment in suite.enabled.items():
        own_jobs = doctor.of_experiment(title, jobs)
        if not own_jobs:
            continue
        cost = doctor.cost_of(title, experiment, jobs)
        if experiment.latent:  # else it is small, for a processor
            on_gpu = {kind: count + getattr(cost, kind) for kind, count in on_gpu.items()}
        lines += [
            f"  {title}: {len(own_jobs)} jobs",
            *(f"    {line}" for line in _experiment_lines(experiment, cost, own_jobs, reckoned)),
        ]
    for dataset, experiment in suite.users.items():
        own_jobs = [job for job in jobs if job.dataset == dataset]
        if own_jobs:
            prepared = doctor.preparation_of(experiment, jobs)
            on_gpu["pictures"] += prepared.operations
            needed = _hours({"pictures": prepared.operations}, reckoned)
            time = f"{needed:,.1f} GPU-hours; " if experiment.latent else ""
            size = readable_bytes(prepared.passing)
            lines.append(f"  {dataset}: {len(own_jobs)} jobs; {time}disk: {size} for a while")
    lines += [
        *_time(name, suite, jobs),
        *_gpu_time(on_gpu, gpu, reckoned),
        f"  disk at the peak: {readable_bytes(doctor.disk(suite, jobs))}",
    ]
    return "\n".join([*lines, *_downloads(suite, jobs)])


def _experiment_lines(
    experiment: Experiment, cost: Cost, jobs: Sequence[Job], reckoned: Mapping[str, Speed]
) -> list[str]:
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
        needed = _hours({kind: getattr(cost, kind) for kind in reckoned}, reckoned)
        lines.append(f"{needed:,.1f} GPU-hours")
    return [*lines, f"disk: {readable_bytes(cost.kept)}, and {readable_bytes(cost.passing)} for a while"]


def _hours(operations: Mapping[str, float], reckoned: Mapping[str, Speed]) -> float:
    return sum(count / reckoned[kind].operations for kind, count in operations.items()) / 3600


def _gpu_time(operations: Mapping[str, float], gpu: str, reckoned: Mapping[str, Speed]) -> list[str]:
    """The hours on a GPU in all, and of each kind of work."""
    if not any(operations.values()):
        return ["  GPU-hours: 0, these jobs need none"]
    each = (
        f"    {kind}: {_operations(count)} at {reckoned[kind].origin}: {_hours({kind: count}, reckoned):,.2f} hours"
        for kind, count in operations.items()
    )
    return [f"  GPU-hours: about {_hours(operations, reckoned):,.0f} on one {gpu.upper()}", *each]


def _time(name: str, suite: Suite, jobs: Sequence[Job]) -> list[str]:
    """The time of the jobs of small experiments."""
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
    return lines


def _downloads(suite: Suite, jobs: Sequence[Job]) -> list[str]:
    named = doctor.downloaded(suite, jobs)
    if not named:
        return ["  downloads: none"]
    registry = load_registry(suite.downloads.registry)
    lines = [f"  downloads: {readable_bytes(doctor.downloads(suite, jobs))} in {len(named)} sources"]
    for name in named:
        source = registry[name]
        size = readable_bytes(source.bytes) if source.bytes else "of unknown size"
        lines.append(printable(f"    {name}: {size}, {source.what}"))
    return lines


def _measured_seconds(name: str, suite: Suite) -> float:
    """Returns the seconds of all jobs of an earlier run, by Snakemake's benchmark files; 0 if a file is missing."""
    folder = pathlib.Path(paths.RESULTS, name, subfolders.BENCHMARKS)
    for title, experiment in suite.enabled.items():
        jobs = [f"{subfolders.MODELS}/{run}" for run in grid.runs(experiment)]
        jobs += [f"{kind}/{job}" for kind in ("sample", "score") for job in grid.point_jobs(experiment)]
        jobs.append(subfolders.LATENCY)
        if not all((folder / title / f"{job}.tsv").exists() for job in jobs):
            return 0
    files = folder.rglob("*.tsv")
    return sum(float(row["s"]) for file in files for row in csv.DictReader(file.open(encoding="utf-8"), delimiter="\t"))


def _count(name: str, targets: Sequence[str]) -> int:
    """Returns the number of jobs, as Snakemake counts them."""
    total = re.search(r"^total\s+(\d+)", _snakemake(name, targets, "--dry-run"), flags=re.M)
    return int(total[1]) if total else 0


def _snakemake(name: str, targets: Sequence[str], *options: str) -> str:
    command = [sys.executable, "-m", "snakemake", *options, "--cores", "all", *targets, "--config", f"suite={name}"]
    environment = os.environ | {"PYTHONIOENCODING": "utf-8"}  # whatever the locale
    result = subprocess.run(command, capture_output=True, env=environment, encoding="utf-8", errors="replace")
    if result.returncode:
        if around := surroundings.missing():
            raise OdeltError(around[0])
        last = result.stderr.strip().rpartition("\n")[2]
        ours = last.removeprefix("odelt: ")
        raise OdeltError(ours if ours != last else f"Snakemake cannot say which jobs it would run: {one_line(last)}")
    return result.stdout if "--summary" in options else result.stdout + result.stderr


def _operations(count: float) -> str:
    unit, size = next(((u, s) for u, s in (("EFLOP", 1e18), ("PFLOP", 1e15)) if count >= s), ("TFLOP", 1e12))
    return f"{count / size:,.1f} {unit}"
