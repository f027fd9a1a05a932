"""How much faster the package is than what the released code does: both in one process, timed in turns.

`train` compares the training step, `sample` generation. Each round runs the package, then the baseline (released.py);
a round's ratio is the baseline's seconds over the package's, so that a busy machine slows both alike. `--with-encoder`
counts in that the released code encodes each batch with the VAE (encoder.py), where the package draws from stored
moments. Ratios above 1 are in the package's favour.
"""

import argparse
import functools
from collections.abc import Callable
from typing import Any

import encoder
import floors
import jax
import jax.numpy as jnp
import numpy as np
import placing
import released
import sampling
import train_step
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

from odelt import costs
from odelt.config import Network, Training
from odelt.data import gaussian
from odelt.errors import OdeltError
from odelt.evaluation.latency import device_name
from odelt.model import Model, runs
from odelt.model.weights import initial_weights
from odelt.objectives.batch import images_per_step, length_rows, rows_of_time
from odelt.sampling.sample_sets import noise_and_labels
from odelt.sampling.solvers import program
from odelt.training.step import initial_state, make_step

SIDES = ("package", "baseline")


def in_turns(sides: dict[str, Callable[[], Any]], rounds: int) -> dict[str, list[float]]:
    """Seconds of each side, round by round, after one that is not counted; each must wait for its device."""
    for run in sides.values():
        run()
    timed: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, run in sides.items():
            timed[name].append(seconds(run))
    return timed


def compared(timed: dict[str, list[float]], images: int, of_sides: dict[str, dict], rates: floors.Rates) -> dict:
    """The ratio round by round, and each side's figures with its own floor."""
    ratios = [slow / fast for fast, slow in zip(timed["package"], timed["baseline"], strict=True)]
    found: dict[str, Any] = {"ratio": quartiles(ratios), "images_per_s": {}}
    for name in SIDES:
        figures = dict(of_sides[name])
        measured = quartiles(timed[name])
        found["images_per_s"][name] = images / measured["median"]
        floor = floors.floor(figures["flops"], figures.pop("bytes_moved"), rates, measured["median"])
        found[name] = {"seconds": measured, **figures, **floor}
    return found


def train(network: Network, training: Training, rounds: int, with_encoder: bool = False) -> dict[str, Any]:
    """The training step of both on the same images; `training` is the package's, the baseline's lengths independent."""
    weights = initial_weights(network, 0, length_table=True)
    independent = training.model_copy(update={"length_draw": "independent"})
    x1, y, key = train_step.batch_of(network, training)
    inputs = {"package": x1, "baseline": x1}
    prepare: dict[str, Any] = dict.fromkeys(SIDES)
    if with_encoder:
        inputs, prepare = _encoded_inputs(network, training)
    steps = {
        "package": make_step(network, training, inner_ode=True, prepare=prepare["package"]),
        "baseline": released.make_step(network, independent, prepare=prepare["baseline"]),
    }
    of_weights = {"package": runs.split(weights, network), "baseline": released.unstacked(weights)}
    # Copies: a step gives its state's buffers away.
    states = {name: initial_state(jax.tree.map(jnp.copy, of_weights[name]), training) for name in SIDES}
    del weights, of_weights
    flops = {"package": costs.step(network, training, inner_ode=True), "baseline": step_flops(network, training)}
    if with_encoder:
        pixels = images_per_step(training) * network.image[0] * network.image[1] * encoder.FACTOR**2
        flops["baseline"] += costs.ENCODE * pixels
    compiled, of_sides = {}, {}
    for name in SIDES:
        compiled[name], compile_s = _compiled(steps[name], states[name], inputs[name], y, key)
        of_sides[name] = {
            "compile_s": compile_s,
            "peak_bytes": compiled[name].memory_analysis().peak_memory_in_bytes,
            "flops": flops[name],
            "bytes_moved": train_step.PASSES * floors.nbytes(states[name]),
        }

    def one(name: str):
        states[name], _ = jax.block_until_ready(compiled[name](states[name], inputs[name], y, key))

    timed = in_turns({name: functools.partial(one, name) for name in SIDES}, rounds)
    rates = floors.rates(network, training.batch_size, training.dtype)
    return compared(timed, training.batch_size, of_sides, rates)


def step_flops(network: Network, training: Training) -> float:
    """As `costs.step`, of the baseline: every row runs all blocks that can act; the compiler drops only dead ones."""
    full = network.effective_blocks(network.lengths[-1])
    rows = (1 + costs.BACKWARD) * training.batch_size + 2 * rows_of_time(training) + length_rows(training, True)
    return costs.evaluation(network, rows * full)


def _encoded_inputs(network: Network, training: Training) -> tuple[dict, dict]:
    """For each side what its step is given and how it makes latents of it: stored moments, or images and an encoder."""
    if network.channels != encoder.MOMENTS // 2:
        raise OdeltError(f"--with-encoder: latents have 4 channels, so --image is HxWx4, not HxWx{network.channels}")
    count = images_per_step(training)
    height, width = network.image
    random = np.random.default_rng(0)
    stored = random.standard_normal((count, height, width, encoder.MOMENTS), np.float32)
    shape = (count, encoder.FACTOR * height, encoder.FACTOR * width, 3)
    images = random.uniform(-1, 1, shape).astype(np.float32)

    def encode(key, given):
        of_encoder, images = given
        return gaussian.sample_latents(key, encoder.moments(of_encoder, images, training.dtype))

    of_encoder = jax.jit(encoder.weights)(jax.random.key(0))
    inputs = {"package": jax.device_put(stored), "baseline": (of_encoder, jax.device_put(images))}
    return inputs, {"package": gaussian.sample_latents, "baseline": encode}


def sample(network: Network, length: int | None, setting, batch: int, rounds: int, dtype: str) -> dict[str, Any]:
    """Generation by both from the same noise and labels."""
    solver, guidance, _ = setting
    if solver.adaptive:
        raise OdeltError(f"solver '{solver}': the baseline is Euler's method; choose euler:T")
    weights = jax.device_put(initial_weights(network, 0, length_table=True))
    x0, y = jax.device_put(noise_and_labels(0, range(batch), (*network.image, network.channels), network.classes))
    prepared = program(Model(network, weights, dtype), solver, length, guidance, None, joint=False)
    executable, compile_s = _compiled(prepared.function, *prepared.static, *prepared.dynamic, x0, y)
    flops, moved = sampling.work(network, length, setting, batch, solver.steps, dtype, weights)
    work = {"flops": flops, "bytes_moved": moved}
    made: list[released.Sampler] = []
    sampler_s = seconds(
        lambda: made.append(
            released.Sampler(network, released.unstacked(weights), length, solver, guidance, dtype, batch)
        )
    )
    peak = executable.memory_analysis().peak_memory_in_bytes
    of_sides = {
        "package": {"compile_s": compile_s, "peak_bytes": peak, **work},
        "baseline": {"compile_s": sampler_s, "peak_bytes": made[0].peak_bytes, **work},
    }
    runs = {
        "package": lambda: jax.block_until_ready(executable(*prepared.dynamic, x0, y)),
        "baseline": lambda: jax.block_until_ready(made[0](x0, y)),
    }
    return compared(in_turns(runs, rounds), batch, of_sides, floors.rates(network, batch, dtype))


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
    placing.prepare(1)
    network = network_of(arguments)
    if arguments.part == "train":
        figures = train(network, training_of(arguments, "stratified"), arguments.steps, arguments.with_encoder)
    else:
        length, setting = length_of(arguments, network), sampling.setting_of(arguments)
        figures = sample(network, length, setting, arguments.batch, arguments.repeats, arguments.dtype)
    report(arguments, device_name(), figures)


if __name__ == "__main__":
    told(main)
