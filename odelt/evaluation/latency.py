"""How long a batch takes to generate, and how much memory it needs (SPEC 6).

A program is compiled and run once unmeasured; each repetition ends when the device has finished. With guidance 0 or 1
the network sees the batch once per evaluation, with any other scale a doubled batch.
"""

import time
from collections.abc import Sequence
from typing import NamedTuple

import jax
import numpy as np

from odelt.config import Latency, Solver
from odelt.machine import devices
from odelt.model import Model
from odelt.sampling.noise import fresh_noise, noise_and_labels
from odelt.sampling.solvers import Solution, integrated, program


class Setting(NamedTuple):
    """One way to generate: what is timed."""

    solver: Solver
    guidance: float
    d: int | None


def measure(model: Model, length: int | None, settings: Sequence[Setting], timing: Latency) -> list[dict]:
    """For each setting: seconds per batch (median and quartiles), compile time, peak bytes, evaluations per sample.

    Peak bytes are what the compiled program is given, makes and needs in between: the compiler's own account, which
    exists on every device. A solver's number of steps or tolerance is not compiled in, so all T share one program; with
    one that takes noise, which is drawn beforehand, each T has its own.
    """
    compiled: dict = {}
    results = []
    for solver, guidance, d in settings:
        prepared = program(model, solver, length, guidance, d, as_one=bool(solver.joint))
        rows = timing.batch_size if solver.joint else solver.rows(timing.batch_size)
        batches = _batches(model, rows, timing.batch_size, solver.noises)
        key = prepared.static, solver.noises
        if key not in compiled:
            began = time.perf_counter()
            executable = integrated.lower(*prepared.static, *prepared.dynamic, *batches[0]).compile()
            compiled[key] = executable, time.perf_counter() - began
        executable, compile_s = compiled[key]

        def generate(executable=executable, prepared=prepared, batches=batches):
            return jax.block_until_ready([executable(*prepared.dynamic, *batch) for batch in batches])

        evaluations = np.concatenate([Solution(solver, *made).evaluations() for made in generate()])
        seconds = [_seconds(generate) for _ in range(timing.repeats)]
        q1, median, q3 = np.quantile(seconds, (0.25, 0.5, 0.75)).tolist()
        results.append(
            {
                "solver": str(solver),
                "d": d,
                "guidance": guidance,
                "seconds": {"median": median, "q1": q1, "q3": q3},
                "compile_s": compile_s,
                "peak_bytes": peak_bytes(executable.memory_analysis()),
                "evaluations": float(evaluations.mean()),
            }
        )
    return results


def _batches(model: Model, rows: int, count: int, noises: int) -> list[tuple]:
    """Noise, labels and fresh noise for at least `count` images, `rows` at a time, on the device."""
    config = model.config
    shape = (*config.image, config.channels)
    drawn = [(0, range(k, k + rows), shape, config.classes) for k in range(0, count, rows)]
    return [jax.device_put((*noise_and_labels(*each), fresh_noise(*each, noises))) for each in drawn]


def peak_bytes(memory) -> int:
    """All of an executable's `memory_analysis()`: on a CPU its own peak leaves out what is needed in between."""
    given, made = memory.argument_size_in_bytes, memory.output_size_in_bytes
    return given + made - memory.alias_size_in_bytes + memory.temp_size_in_bytes


def _seconds(function) -> float:
    began = time.perf_counter()
    function()
    return time.perf_counter() - began


def device_name() -> str:
    """The accelerator's name, or the processor's with the number of cores this process may use."""
    device = jax.devices()[0]
    return devices.processor() if device.platform == "cpu" else device.device_kind
