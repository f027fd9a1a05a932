"""How much faster the package is than what the released code does, timed in turns.

`train` compares the training step, `sample` generation. Each round runs the package, then the baseline (released.py);
a round's ratio is the baseline's seconds over the package's, so that a busy machine slows both alike. Ratios above 1
are in the package's favour. `--with-encoder` counts in that the released code encodes each batch with the VAE
(encoder.py), where the package draws from stored moments.

On a CPU each side has a process of its own: the package's is set as its commands set theirs (`odelt.machine.process`),
the baseline's is left as it comes, as the released code leaves it. A third process, the baseline with the package's
settings, is timed in the same turns: `same_settings` has the ratio to it. A GPU has its own allocator: there both share
one process. Rates for the floors are measured here, with the package's settings.
"""

import argparse
import contextlib
import functools
from collections.abc import Callable
from typing import Any

import apart
import encoder
import floors
import jax
import jax.numpy as jnp
import numpy as np
import placing
import released
import sampling
import train_step
from apart import Side
from common import (
    add_network,
    add_out,
    add_sampling,
    add_training,
    length_of,
    network_of,
    quartiles,
    report,
    seconds,
    told,
    training_of,
)

from odelt import operations
from odelt.config import Network, Training
from odelt.data import gaussian
from odelt.errors import OdeltError
from odelt.evaluation.latency import device_name, peak_bytes
from odelt.model import Model, runs
from odelt.model.weights import initial_weights
from odelt.planning import costs
from odelt.sampling.noise import noise_and_labels
from odelt.sampling.solvers import integrated, program
from odelt.training.step import initial_state, make_step

SIDES = ("package", "baseline")
SAME = "baseline, set as the package"


def in_turns(sides: dict[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Seconds that each side tells of its run, round by round, after one that is not counted."""
    for run in sides.values():
        run()
    timed: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, run in sides.items():
            timed[name].append(run())
    return timed


def compared(timed: dict[str, list[float]], images: int, of_sides: dict[str, dict], rates: floors.Rates) -> dict:
    """The ratio round by round, and each side's figures with the floor of its work (in sampling of the package's)."""

    def ratio_of(slow: list[float]) -> dict[str, float]:
        return quartiles([other / own for own, other in zip(timed["package"], slow, strict=True)])

    found: dict[str, Any] = {"ratio": ratio_of(timed["baseline"]), "images_per_s": {}}
    for name in SIDES:
        figures = dict(of_sides[name])
        measured = quartiles(timed[name])
        found["images_per_s"][name] = images / measured["median"]
        floor = floors.floor(figures["flops"], figures.pop("bytes_moved"), rates, measured["median"])
        found[name] = {"seconds": measured, **figures, **floor}
    if SAME in timed:
        found["same_settings"] = {"ratio": ratio_of(timed[SAME]), "seconds": quartiles(timed[SAME])}
    return found


def compare(make: dict[str, Callable[[], Side]], rounds: int, batch: int, network: Network, dtype: str) -> dict:
    """Times the sides on batches of so many images: on a CPU apart, on a GPU in this process."""
    placing.prepare(1)
    with contextlib.ExitStack() as processes:
        if jax.devices()[0].platform == "cpu":
            given = {
                "package": (make["package"], placing.prepare),
                "baseline": (make["baseline"], as_it_comes),
                SAME: (make["baseline"], placing.prepare),
            }
            sides = {name: processes.enter_context(apart.elsewhere(*of_side)) for name, of_side in given.items()}
        else:
            sides = {name: apart.here(make[name]()) for name in SIDES}
        timed = in_turns({name: side.run for name, side in sides.items()}, rounds)
    figures = {name: side.figures for name, side in sides.items()}
    return compared(timed, batch, figures, floors.rates(network, batch, dtype))


def as_it_comes() -> None:
    """A process as Python and jax set it."""


def train_side(name: str, network: Network, training: Training, with_encoder: bool) -> Side:
    """The training step; `training` is the package's, the baseline's lengths are independent."""
    weights = initial_weights(network, 0, length_table=True)
    x1, y, key = train_step.batch_of(network, training)
    given, prepare = _encoded_inputs(name, network, training) if with_encoder else (x1, None)
    if name == "package":
        step = make_step(network, training, inner_ode=True, prepare=prepare)
        weights, flops = runs.split(weights, network), operations.step(network, training, inner_ode=True)
    else:
        independent = training.model_copy(update={"length_draw": "independent"})
        step = released.make_step(network, independent, prepare=prepare)
        weights, flops = released.unstacked(weights), step_flops(network, training)
        if with_encoder:
            pixels = training.images_per_step * network.image[0] * network.image[1] * encoder.FACTOR**2
            flops += costs.ENCODE * pixels
    # Copies: a step gives its state's buffers away.
    state = initial_state(jax.tree.map(jnp.copy, weights), training)
    del weights
    compiled, compile_s = _compiled(step, state, given, y, key)

    def one():
        nonlocal state
        state, _ = jax.block_until_ready(compiled(state, given, y, key))

    peak = peak_bytes(compiled.memory_analysis())
    moved = train_step.PASSES * floors.nbytes(state)
    return Side(one, {"compile_s": compile_s, "peak_bytes": peak, "flops": flops, "bytes_moved": moved})


def step_flops(network: Network, training: Training) -> float:
    """As `operations.step`, of the baseline: every row runs all blocks; the compiler drops only dead ones."""
    full = network.effective_blocks(network.lengths[-1])
    rows = (1 + operations.BACKWARD) * training.batch_size + 2 * training.consistency_rows + training.length_rows(True)
    return operations.evaluation(network, rows * full)


def _encoded_inputs(name: str, network: Network, training: Training) -> tuple[Any, Callable]:
    """What a side's step is given and how it makes latents of it: stored moments, or images and an encoder."""
    if network.channels != encoder.MOMENTS // 2:
        raise OdeltError(f"--with-encoder: latents have 4 channels, so --image is HxWx4, not HxWx{network.channels}")
    count = training.images_per_step
    height, width = network.image
    random = np.random.default_rng(0)
    if name == "package":
        stored = random.standard_normal((count, height, width, encoder.MOMENTS), np.float32)
        return jax.device_put(stored), gaussian.sample_latents
    shape = (count, encoder.FACTOR * height, encoder.FACTOR * width, 3)
    images = random.uniform(-1, 1, shape).astype(np.float32)

    def encode(key, given):
        of_encoder, images = given
        return gaussian.sample_latents(key, encoder.moments(of_encoder, images, training.dtype))

    return (jax.jit(encoder.weights)(jax.random.key(0)), jax.device_put(images)), encode


def sample_side(name: str, network: Network, length: int | None, setting: tuple, batch: int, dtype: str) -> Side:
    """Generation, by both from the same noise and labels."""
    solver, guidance = setting
    if not solver.method.takes_shortcuts:
        raise OdeltError(f"solver '{solver}': the baseline is Euler's method; choose euler:T")
    weights = jax.device_put(initial_weights(network, 0, length_table=True))
    x0, y = jax.device_put(noise_and_labels(0, range(batch), (*network.image, network.channels), network.classes))
    flops, moved = sampling.work(network, length, setting, batch, solver.T, dtype, weights)
    if name == "package":
        prepared = program(Model(network, weights, dtype), solver, length, guidance, None, as_one=False)
        executable, compile_s = _compiled(integrated, *prepared.static, *prepared.dynamic, x0, y, None)
        peak = peak_bytes(executable.memory_analysis())
        generate = functools.partial(executable, *prepared.dynamic, x0, y, None)  # without fresh noise
    else:
        made: list[released.Sampler] = []
        of_blocks = released.unstacked(weights)
        make = functools.partial(released.Sampler, network, of_blocks, length, solver, guidance, dtype, batch)
        compile_s = seconds(lambda: made.append(make()))
        peak, generate = made[0].peak_bytes, functools.partial(made[0], x0, y)
    figures = {"compile_s": compile_s, "peak_bytes": peak, "flops": flops, "bytes_moved": moved}
    return Side(lambda: jax.block_until_ready(generate()), figures)


def _compiled(function, *arguments) -> tuple[Any, float]:
    made: list = []
    took = seconds(lambda: made.append(function.lower(*arguments).compile()))
    return made[0], took


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parts = parser.add_subparsers(dest="part", required=True, metavar="train|sample")
    training, generation = parts.add_parser("train"), parts.add_parser("sample")
    for part in (training, generation):
        add_network(part)
        add_out(part)
    add_training(training)
    training.add_argument("--with-encoder", action="store_true", help="the baseline encodes each batch with the VAE")
    add_sampling(generation)
    arguments = parser.parse_args()
    network = network_of(arguments)
    if arguments.part == "train":
        training = training_of(arguments, "stratified")
        side, rounds = (train_side, (network, training, arguments.with_encoder)), arguments.steps
    else:
        length, setting = length_of(arguments, network), sampling.setting_of(arguments)
        side, rounds = (sample_side, (network, length, setting, arguments.batch, arguments.dtype)), arguments.repeats
    make = {name: functools.partial(side[0], name, *side[1]) for name in SIDES}
    figures = compare(make, rounds, arguments.batch, network, arguments.dtype)
    report(arguments, device_name(), figures)


if __name__ == "__main__":
    told(main)
