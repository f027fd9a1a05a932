"""How fast images are generated: images/s of a batch, after compilation, each repetition waited for."""

import argparse
from typing import Any, NamedTuple

import floors
import jax
import placing
from common import add_devices, add_sampling, length_of, network_of, options, report, told

from odelt import operations
from odelt.config import Latency, Network, Solver
from odelt.errors import OdeltError
from odelt.evaluation import latency
from odelt.layout.grid import ProgramKey
from odelt.model import Model
from odelt.model.weights import initial_weights


class Setting(NamedTuple):
    """One way to generate: what is timed."""

    solver: Solver
    guidance: float


def setting_of(arguments: argparse.Namespace) -> Setting:
    return Setting(Solver.parse(arguments.solver), arguments.guidance)


def measure(network: Network, length: int | None, setting: Setting, timing: Latency, dtype: str) -> dict[str, Any]:
    """Figures of a batch on one device, with random weights, without their floor."""
    timed = ProgramKey(length, setting.solver, setting.guidance not in (0, 1))
    (point,) = latency.measure(network, [timed], timing, dtype)["points"]
    weights = jax.eval_shape(lambda: initial_weights(network, 0, length_table=True))
    flops, moved = work(network, length, setting, timing.batch_size, point["evaluations"], dtype, weights)
    return {
        "images_per_s": timing.batch_size / point["seconds"]["median"],
        "flops": flops,
        "bytes_moved": moved,
        **{key: point[key] for key in ("seconds", "compile_s", "peak_bytes", "evaluations")},
    }


def work(network, length, setting, batch, evaluations, dtype, weights) -> tuple[float, float]:
    """Operations, and bytes that must move: in each evaluation the acting weights are read, x read and written."""
    doubled = 1 if setting.guidance in (0, 1) else 2
    blocks = network.effective_blocks(length)
    flops = doubled * evaluations * batch * operations.evaluation(network, blocks)
    stack = floors.nbytes(weights["blocks"], dtype) * blocks / network.depth
    x = 4 * batch * network.image[0] * network.image[1] * network.channels
    return flops, evaluations * (stack + 2 * x)


def on_devices(network, length, setting, timing: Latency, dtype: str, place) -> dict[str, Any]:
    """As `measure`, the batch shared by the devices of `place`: the program that `odelt sample` runs there."""
    from common import quartiles, seconds

    from odelt.sampling.noise import noise_and_labels
    from odelt.sampling.solvers import program

    if not setting.solver.method.takes_shortcuts:
        raise OdeltError("--devices: only Euler's method is timed on several; choose a solver 'euler:T'")
    weights = initial_weights(network, 0, length_table=True)
    model = Model(network, weights, dtype)
    prepared = program(model, setting.solver, length, setting.guidance, None, as_one=False).on(place)
    shape = (*network.image, network.channels)
    noise, labels = noise_and_labels(0, range(timing.batch_size), shape, network.classes)

    def generate():
        jax.block_until_ready(prepared.run(noise, labels).x1)

    first = seconds(generate)
    timed = [seconds(generate) for _ in range(timing.repeats)]
    evaluations = setting.solver.assumed_evaluations
    flops, moved = work(network, length, setting, timing.batch_size, evaluations, dtype, weights)
    return {
        "images_per_s": timing.batch_size / quartiles(timed)["median"],
        "seconds": quartiles(timed),
        "compile_s": first - quartiles(timed)["median"],
        "peak_bytes": None,  # the program is compiled as it runs
        "flops": flops,
        "bytes_moved": moved,
        "evaluations": evaluations,
    }


def with_floor(figures: dict[str, Any], network: Network, batch: int, dtype: str, devices: int = 1) -> dict[str, Any]:
    moved = figures.pop("bytes_moved")
    measured = floors.rates(network, batch, dtype)
    return figures | floors.floor(figures["flops"], moved, measured, figures["seconds"]["median"], devices)


def main():
    parser = options(__doc__)
    add_sampling(parser)
    add_devices(parser)
    arguments = parser.parse_args()
    placing.prepare(arguments.devices)
    network = network_of(arguments)
    length = length_of(arguments, network)
    setting = setting_of(arguments)
    timing = Latency(batch_size=arguments.batch, repeats=arguments.repeats, seconds=0)
    place = placing.on(arguments.devices)
    place.check_rows(arguments.batch, "--batch")
    if place.devices == 1:
        figures = measure(network, length, setting, timing, arguments.dtype)
    else:
        figures = on_devices(network, length, setting, timing, arguments.dtype, place)
    share = placing.sharing_one_machine(place)
    report(arguments, latency.device_name(), with_floor(figures, network, arguments.batch, arguments.dtype, share))


if __name__ == "__main__":
    told(main)
