"""Every target of speed in one call of under 10 minutes: each part is a benchmark of its own, with a limit of time.

On a machine with an NVIDIA GPU the sizes are the paper's, in bfloat16; elsewhere those that a processor can do. A part
that fails or does not end in time is said to be so, and the others go on. Verdicts are computed from the figures.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from common import ROOT, add_out, report, told

from odelt.commands.kinds import at_least
from odelt.errors import OdeltError
from odelt.machine import devices

BUDGET = 580  # seconds of all parts together
LEAST = 10  # seconds below which a part is not started
B = "--width 768 --heads 12 --depth 12 --group 4 --min-length 4 --image 32x32x4 --classes 1000 --dtype bfloat16"
XL = "--width 1152 --heads 16 --depth 28 --group 8 --min-length 12 --image 32x32x4 --classes 1000"
MINI = "--width 32 --heads 2 --depth 6 --group 2 --min-length 2 --image 8x8x1 --classes 10"
S = "--width 384 --heads 6 --depth 12 --group 4 --min-length 4 --image 8x8x4 --classes 1000"  # as DiT-S, 16 tokens


class Part(NamedTuple):
    """A benchmark: its name here, its script with options, and the seconds it may take."""

    name: str
    command: str
    limit: int


class Target(NamedTuple):
    """What is wanted: `figure` of the parts' results is to be at least `least`."""

    what: str
    parts: tuple[str, ...]  # that `figure` is given, in order
    figure: Callable[..., float]
    least: float


def ratio(result: dict) -> float:
    return result["ratio"]["median"]


def slower(long: dict, short: dict) -> float:
    return long["seconds"]["median"] / short["seconds"]["median"]


def of_package(result: dict) -> float:
    return result["package"]["matmul_utilisation"]


def utilisation(result: dict) -> float:
    return result["matmul_utilisation"]


def proportion(result: dict) -> float:
    """1 where the bytes of the blocks are in proportion to their number, less where a short model holds more."""
    return result["bytes_ratio"] / result["blocks_ratio"]


WEIGHTS = Part("weights", f"weights.py {S} --batch 1", 60)
OF_BOTH = [
    Target("training step of XL compiles at least 5 times sooner than unrolled", ("compile XL",), ratio, 5),
    Target("weight memory in proportion to the blocks", ("weights",), proportion, 0.999),
]
ON_GPU = [
    Part("train B", f"baseline.py train {B} --batch 256 --steps 10", 110),
    Part("train B, dropout", f"train_step.py {B} --batch 256 --steps 10 --dropout 0.1", 60),
    Part("train B, encoder", f"baseline.py train {B} --batch 256 --steps 5 --with-encoder", 130),
    Part(
        "sample B", f"baseline.py sample {B} --batch 256 --length 12 --solver euler:128 --guidance 1.5 --repeats 2", 110
    ),
    Part("one image", f"baseline.py sample {B} --batch 1 --length 12 --solver euler:4 --repeats 20", 60),
    Part("sampling B", f"sampling.py {B} --batch 256 --length 12 --solver euler:4 --repeats 5", 45),
    Part("sampling XL", f"sampling.py {XL} --dtype bfloat16 --batch 64 --length 28 --solver euler:4 --repeats 5", 60),
    Part("training XL", f"train_step.py {XL} --dtype bfloat16 --batch 256 --steps 5", 90),
    Part("l = 12", f"sampling.py {B} --batch 256 --length 12 --solver euler:128 --repeats 2", 45),
    Part("l = 4", f"sampling.py {B} --batch 256 --length 4 --solver euler:128 --repeats 2", 45),
    WEIGHTS,
    Part("compile XL", f"compile_time.py {XL} --dtype bfloat16 --batch 256", 260),
]
GPU_TARGETS = [
    Target("training step, B, batch 256: 1.5 times the baseline's images/s", ("train B",), ratio, 1.5),
    Target("the same, encoding each batch counted in: 3 times", ("train B, encoder",), ratio, 3),
    Target("sampling, B, T = 128 with guidance: 1.3 times the baseline", ("sample B",), ratio, 1.3),
    Target("one image, B, T = 4: 2 times the baseline", ("one image",), ratio, 2),
    Target("utilisation sampling, B, batch 256: 55 %", ("sampling B",), utilisation, 0.55),
    Target("utilisation sampling, XL, batch 64: 55 %", ("sampling XL",), utilisation, 0.55),
    Target("utilisation training, B, batch 256: 45 %", ("train B",), of_package, 0.45),
    Target("utilisation training, XL, batch 256: 45 %", ("training XL",), utilisation, 0.45),
    Target("latency, B, T = 128: l = 12 takes 2.7 times l = 4", ("l = 12", "l = 4"), slower, 2.7),
    *OF_BOTH,
]
SAMPLED_ON_CPU = {
    "mini, T = 128, guided, batch 64": f"{MINI} --batch 64 --length 6 --solver euler:128 --guidance 1.5 --repeats 5",
    "mini, T = 1, l = 2, one image": f"{MINI} --batch 1 --length 2 --solver euler:1 --repeats 50",
    "S, T = 4, l = 12, batch 64": f"{S} --batch 64 --length 12 --solver euler:4 --repeats 5",
    "S, T = 4, guided, l = 4, one image": f"{S} --batch 1 --length 4 --solver euler:4 --guidance 1.5 --repeats 20",
}
ON_CPU = [
    Part("train mini", f"baseline.py train {MINI} --batch 128 --steps 40", 110),
    Part("train S", f"baseline.py train {S} --batch 64 --steps 8", 200),
    *[Part(name, f"baseline.py sample {options}", 110) for name, options in SAMPLED_ON_CPU.items()],
    WEIGHTS,
    Part("compile XL", f"compile_time.py {XL} --batch 16", 260),
]
CPU_TARGETS = [
    Target("training step, mini's size: 1.8 times the baseline's images/s", ("train mini",), ratio, 1.8),
    Target("training step, DiT-S-like: 1.8 times the baseline's images/s", ("train S",), ratio, 1.8),
    *[Target(f"sampling, {name}: no slower than the baseline", (name,), ratio, 1) for name in SAMPLED_ON_CPU],
    *OF_BOTH,
]
# What an H100's compiler alone tells, on a machine without one.
FOR_H100 = [Part("compile XL", f"compile_time.py {XL} --dtype bfloat16 --batch 256 --on h100 --rounds 2", 560)]
PLANS = {"gpu": (ON_GPU, GPU_TARGETS), "cpu": (ON_CPU, CPU_TARGETS), "h100-compiler": (FOR_H100, OF_BOTH[:1])}


def run(part: Part, limit: float) -> dict[str, Any]:
    """The part's JSON object, or `failed` with the reason."""
    command = [sys.executable, *f"benchmarks/{part.command}".split()]
    began = time.perf_counter()
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdout=pipe, stderr=pipe, encoding="utf-8", process_group=0) as process:
        try:
            out, errors = process.communicate(timeout=limit)
        except BaseException as stopped:  # Ctrl-C, too: the part ends with all processes that it has started
            os.killpg(process.pid, signal.SIGKILL)
            if isinstance(stopped, subprocess.TimeoutExpired):
                return {"failed": f"did not end within {limit:.0f} s"}
            raise
        finally:
            print(f"{part.name}: {time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True)
    if process.returncode:
        last = errors.strip().splitlines()[-1:] or ["no message"]
        return {"failed": f"exit status {process.returncode}: {last[0][:300]}"}
    return json.loads(out.splitlines()[-1])


def judged(target: Target, results: dict[str, dict]) -> dict[str, Any]:
    """The target with its figure and a verdict in words."""
    found = [results.get(name, {"failed": "not asked for"}) for name in target.parts]
    row: dict[str, Any] = {"target": target.what, "at_least": target.least, "parts": list(target.parts)}
    for name, result in zip(target.parts, found, strict=True):
        if reason := result.get("failed"):
            return {**row, "figure": None, "verdict": f"not measured: {name}: {reason}"}
    figure = target.figure(*found)
    met = figure >= target.least
    quartiles = found[0]["ratio"] if target.figure is ratio else None
    return {**row, "figure": figure, "quartiles": quartiles, "verdict": "PASS" if met else "short of the target"}


def measure(parts: Sequence[Part], targets: Sequence[Target], budget: float) -> dict[str, Any]:
    began = time.perf_counter()
    results: dict[str, dict] = {}
    for part in parts:
        left = budget - (time.perf_counter() - began)
        results[part.name] = run(part, min(part.limit, left)) if left >= LEAST else {"failed": "no time was left"}
    return {
        "targets": [judged(target, results) for target in targets],
        "seconds": time.perf_counter() - began,
        "parts": {part.name: {"script": part.command, **results[part.name]} for part in parts},
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", choices=list(PLANS), help="the sizes; by default those of the machine")
    parser.add_argument("--only", metavar="PART;…", help="these parts: " + "; ".join(p.name for p in ON_GPU + ON_CPU))
    parser.add_argument("--budget", type=at_least(LEAST), default=BUDGET, help="seconds of all parts together")
    add_out(parser)
    arguments = parser.parse_args()
    claimed = devices.inventory()
    arguments.device = arguments.device or ("gpu" if claimed else "cpu")
    parts, targets = PLANS[arguments.device]
    if arguments.only:
        asked = [name.strip() for name in arguments.only.split(";")]
        if unknown := set(asked) - {part.name for part in parts}:
            raise OdeltError(f"--only: no part '{min(unknown)}'; known are {'; '.join(p.name for p in parts)}")
        parts = [part for part in parts if part.name in asked]
        targets = [target for target in targets if set(target.parts) <= set(asked)]
    figures = measure(parts, targets, arguments.budget)
    for row in figures["targets"]:
        shown = "" if row["figure"] is None else f"{row['figure']:.3g}, wanted {row['at_least']:g}: "
        print(f"{row['target']}: {shown}{row['verdict']}")
    name = claimed[0].name if claimed and arguments.device == "gpu" else devices.processor()
    if arguments.device == "h100-compiler":
        name = f"the compiler for an H100 on {name}"
    report(arguments, name, figures)


if __name__ == "__main__":
    told(main)
