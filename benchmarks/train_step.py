"""How fast a training step is: images/s over steps that are each waited for, after compilation.

With `--with-loader` also what share of the time a training run, with its loader and from its files, waits for input.
"""

import pathlib
import tempfile
from typing import Any

import floors
import jax
import numpy as np
import placing
from common import add_devices, add_training, network_of, options, quartiles, report, seconds, told, training_of

from odelt import operations
from odelt.config import Network, Training, parse
from odelt.evaluation.latency import device_name, peak_bytes
from odelt.machine.sharding import ONE_DEVICE, Placement
from odelt.model import runs
from odelt.model.weights import Weights, initial_weights
from odelt.training.step import initial_state, make_step

PASSES = 2  # over the state's bytes: read once, written once


def measure(network: Network, training: Training, place: Placement = ONE_DEVICE) -> dict[str, Any]:
    """Figures of `training.steps` steps on random images and weights, without their floor."""
    state = place.put_state(initial_state(random_weights(network), training))
    batch = batch_of(network, training, place)
    compiled: list = []
    compile_s = seconds(
        lambda: compiled.append(
            make_step(network, training, inner_ode=True, placement=place).lower(state, *batch).compile()
        )
    )
    (step,) = compiled
    state_bytes = floors.nbytes(state)

    def one():
        nonlocal state
        state, _ = jax.block_until_ready(step(state, *batch))

    one()
    timed = [seconds(one) for _ in range(training.steps)]
    return {
        "images_per_s": training.batch_size / quartiles(timed)["median"],
        "seconds": quartiles(timed),
        "compile_s": compile_s,
        "peak_bytes": peak_bytes(step.memory_analysis()),
        "flops": operations.step(network, training, inner_ode=True),
        "bytes_moved": PASSES * state_bytes,
    }


def random_weights(network: Network) -> Weights:
    """As training holds them."""
    return runs.split(initial_weights(network, 0, length_table=True), network)


def batch_of(network: Network, training: Training, place: Placement = ONE_DEVICE) -> tuple:
    """Random images, labels and the run's key, on the device."""
    count = training.images_per_step
    x1 = np.random.default_rng(0).standard_normal((count, *network.image, network.channels), np.float32)
    y = np.arange(count, dtype=np.int32) % network.classes
    return (*jax.device_put(place.put_rows((x1, y))), jax.random.key(0))


def with_floor(figures: dict[str, Any], network: Network, training: Training, place: Placement) -> dict[str, Any]:
    measured = floors.rates(network, training.batch_size, training.dtype)
    moved = figures.pop("bytes_moved")
    share = placing.sharing_one_machine(place)
    return figures | floors.floor(figures["flops"], moved, measured, figures["seconds"]["median"], share)


def with_loader(network: Network, training: Training) -> dict[str, float]:
    """A run of `odelt train` from files: its rate, and the share of the time in which it waited for its loader.

    Images of one channel come from memory, as the digits do; others from a store of moments on disk, as latents do.
    The first half of the steps is not counted.
    """
    import csv

    from odelt.data import gaussian, latents
    from odelt.data.dataset import LabelledImages
    from odelt.training import loop

    halves = training.model_copy(
        update={"log_every": max(1, training.steps // 2), "checkpoint_every": training.steps + 1}
    )
    random = np.random.default_rng(0)
    count = 4 * training.images_per_step
    labels = np.arange(count, dtype=np.int32) % network.classes
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        prepare = None
        if network.channels == 1:
            data = LabelledImages(random.standard_normal((count, *network.image, 1), np.float32), labels)
        else:
            store = folder / "latents"
            write_random_store(store, network, count)
            data, prepare = latents.Moments(store), gaussian.sample_latents
        weights = initial_weights(network, 0, length_table=True)
        loop.train(
            *(data, weights, network, halves),
            inner_ode=True,
            seed=0,
            checkpoints=folder / "checkpoints",
            identity={},
            out=folder / "model",
            timings=folder / "timings.csv",
            prepare=prepare,
        )
        with (folder / "timings.csv").open(newline="", encoding="utf-8") as file:
            last = list(csv.DictReader(file))[-1]
    return {"images_per_s": float(last["images_per_s"]), "share_of_time_waited": float(last["input_wait"])}


def write_random_store(path: pathlib.Path, network: Network, count: int) -> None:
    """A store of moments of `count` images and their mirror images, for a network on such latents."""
    from odelt.data import latents

    random = np.random.default_rng(0)
    shape = (2, *network.image, 2 * network.channels)
    labels = np.arange(count, dtype=np.int32) % network.classes
    size = min(count, 256)
    parts = (labels[k : k + size] for k in range(0, count, size))
    latents.write_store(path, ((random.standard_normal((len(y), *shape), np.float32), y) for y in parts))


def main():
    parser = options(__doc__)
    add_training(parser)
    add_devices(parser)
    parser.add_argument("--lengths", choices=["stratified", "independent"], default="stratified")
    parser.add_argument("--dropout", type=float, default=0.0)
    parser.add_argument("--with-loader", action="store_true", help="also a run from files, on one device")
    arguments = parser.parse_args()
    placing.prepare(arguments.devices)
    network = network_of(arguments)
    settings = training_of(arguments, arguments.lengths).model_dump() | {"dropout": arguments.dropout}
    training = parse(Training, settings, "training")
    place = placing.on(arguments.devices)
    place.check_rows(arguments.batch, "--batch")
    figures = with_floor(measure(network, training, place), network, training, place)
    if arguments.with_loader:
        figures["with_loader"] = with_loader(network, training)
    report(arguments, device_name(), figures)


if __name__ == "__main__":
    told(main)
