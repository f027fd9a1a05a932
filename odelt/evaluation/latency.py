"""How long a batch takes to generate, and how much memory it needs (SPEC 6).

Both belong to a program, and not to the weights' values: so weights are random, and nothing has to be trained. Programs
are timed in rounds, so that what disturbs the machine disturbs all of them alike. Each call ends when the device has
finished.
"""

import dataclasses
import functools
import os
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, TypeVar

import jax
import numpy as np

from odelt import operations
from odelt.config import Latency, Length, Network, Solver
from odelt.layout.grid import ProgramKey
from odelt.machine import devices
from odelt.model import Model
from odelt.model.weights import LENGTH_TABLE, initial_weights
from odelt.objectives import DEFAULT_OBJECTIVE, OBJECTIVES, Objective
from odelt.sampling.noise import fresh_noise, noise_and_labels
from odelt.sampling.solvers import Solution, integrated, program

ROUNDS = 30  # of a program whose share of the seconds suffices for them
P = TypeVar("P", bound=Hashable)


def measure(network: Network, programs: Sequence[ProgramKey], timing: Latency, dtype: str, seed: int = 0) -> dict:
    """Times programs of a network with random weights. Plain data, with a point for each program.

    Its `seconds` (minimum, median and quartiles over `rounds`), `flops` and `evaluations` are of a batch. An adaptive
    solver's number of evaluations depends on the weights, so tables take its time for one evaluation. `peak_bytes` are
    what the compiled program is given, makes and needs in between: the compiler's own account, which exists on every
    device. A number of steps or a tolerance is not compiled in, so all T share one program;
    with a solver that takes noise, which is drawn beforehand, each T has its own. `load` is the number of
    processes that were running in the last minute before.

    Raises:
        OdeltError: the network has no such length.
    """
    load = os.getloadavg()[0]
    model_of = _random_models(network, dtype, seed)
    compiled: dict = {}
    calls = {each: _call(model_of(each), each, timing.batch_size, compiled) for each in programs}
    evaluations = {each: call.evaluations() for each, call in calls.items()}  # also the first, unmeasured call
    seconds = in_rounds({each: call.run for each, call in calls.items()}, timing)
    return {
        "batch_size": timing.batch_size,
        "dtype": dtype,
        "device": device_name(),
        "load": load,
        "points": [
            {
                "length": Length(each.length).cell,
                "effective_blocks": network.effective_blocks(each.length),
                "solver": str(each.solver),
                "guided": each.guided,
                "rounds": len(seconds[each]),
                "seconds": _quartiles(seconds[each]),
                "compile_s": call.compile_s,
                "peak_bytes": peak_bytes(call.executable.memory_analysis()),
                "weight_bytes": sum(leaf.nbytes for leaf in jax.tree.leaves(call.arguments[0])),
                "evaluations": evaluations[each],
                "flops": timing.batch_size * evaluations[each] * _of_evaluation(network, each),
            }
            for each, call in calls.items()
        ],
    }


def in_rounds(calls: Mapping[P, Callable[[], Any]], timing: Latency) -> dict[P, list[float]]:
    """Seconds of each call in each of its rounds.

    A call has an equal share of `timing.seconds`: at most ROUNDS rounds, as many as fit into its share, but at least
    `timing.repeats`. Those of a long call are spread over all rounds.
    """
    seconds = {name: [_seconds(call)] for name, call in calls.items()}
    share = timing.seconds / len(calls)
    fitting = {name: min(ROUNDS, int(share / first)) for name, (first,) in seconds.items()}
    more = {name: max(timing.repeats, rounds) - 1 for name, rounds in fitting.items()}
    last = max(more.values())
    for k in range(last):
        for name, call in calls.items():
            if (k + 1) * more[name] // last > k * more[name] // last:
                seconds[name].append(_seconds(call))
    return seconds


@dataclasses.dataclass(frozen=True)
class _Call:
    """A compiled program with what it is given: a batch, in as many parts as the solver needs."""

    program: ProgramKey
    executable: Any
    compile_s: float
    arguments: tuple
    batches: list

    def run(self) -> list:
        return jax.block_until_ready([self.executable(*self.arguments, *batch) for batch in self.batches])

    def evaluations(self) -> float:
        """Of the vector field: the largest number of a row in each part, and the mean over the parts."""
        made = [Solution(self.program.solver, *part).evaluations() for part in self.run()]
        return float(np.mean([rows.max() for rows in made]))


def _call(model: Model, of: ProgramKey, batch_size: int, compiled: dict) -> _Call:
    """Compiles a program, or takes it from `compiled`."""
    prepared = program(model, of.solver, of.length, of.guidance, None, as_one=bool(of.solver.joint))
    rows = batch_size if of.solver.joint else of.solver.rows(batch_size)
    batches = _batches(model, rows, batch_size, of.solver.noises)
    key = prepared.static, of.solver.noises
    if key not in compiled:
        began = time.perf_counter()
        executable = integrated.lower(*prepared.static, *prepared.dynamic, *batches[0]).compile()
        compiled[key] = executable, time.perf_counter() - began
    executable, compile_s = compiled[key]
    return _Call(of, executable, compile_s, prepared.dynamic, batches)


def _random_models(network: Network, dtype: str, seed: int) -> Callable[[ProgramKey], Model]:
    """Models by program, with the same fresh weights: SM's has no length table, and each an objective of its solver."""
    weights = jax.device_get(initial_weights(network, seed, length_table=True))
    without = {name: part for name, part in weights.items() if name != LENGTH_TABLE}

    @functools.cache  # a model keeps its weights on the device
    def model(of_length: bool, objective: Objective) -> Model:
        return Model(network, weights if of_length else without, dtype, objective)

    return lambda of: model(of.length is not None, _objective_of(of.solver))


def _objective_of(solver: Solver) -> Objective:
    """The default one, unless only networks of other objectives are sampled so."""
    named = (objective for objective in OBJECTIVES.values() if solver.method.name in objective.solvers)
    return DEFAULT_OBJECTIVE if solver.method.order is not None else next(named)


def _of_evaluation(network: Network, of: ProgramKey) -> float:
    """Operations of one evaluation for one image."""
    return (1 + of.guided) * operations.evaluation(network, network.effective_blocks(of.length))


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


def _quartiles(seconds: Sequence[float]) -> dict[str, float]:
    return dict(
        zip(("minimum", "q1", "median", "q3"), np.quantile(seconds, (0, 0.25, 0.5, 0.75)).tolist(), strict=True)
    )


def _seconds(function) -> float:
    began = time.perf_counter()
    function()
    return time.perf_counter() - began


def device_name() -> str:
    """The accelerator's name, or the processor's with the number of cores this process may use."""
    device = jax.devices()[0]
    return devices.processor() if device.platform == "cpu" else device.device_kind
