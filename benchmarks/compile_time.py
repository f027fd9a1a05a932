"""How long a training step takes to compile: the package's, and the baseline's with its unrolled blocks.

Both are lowered and compiled from shapes alone, so that XL's needs no weights. Options as train_step.py; `--rounds` of
both in turns, with nothing kept between them.
"""

import functools
from typing import Any

import jax
import placing
import released
from common import add_training, network_of, options, quartiles, report, seconds, told, training_of

from odelt.config import Network, Training
from odelt.evaluation.latency import device_name
from odelt.model import runs
from odelt.model.weights import initial_weights
from odelt.objectives.batch import images_per_step
from odelt.training.step import initial_state, make_step


def measure(network: Network, training: Training, rounds: int) -> dict[str, Any]:
    """Seconds of tracing, lowering and compiling; the ratio is the baseline's over the package's."""
    independent = training.model_copy(update={"length_draw": "independent"})
    jax.jit(lambda x: x @ x).lower(jax.numpy.zeros((8, 8))).compile()  # what only a process's first compilation does
    package: list[float] = []
    baseline: list[float] = []
    in_runs = functools.partial(runs.split, network=network)
    for _ in range(rounds):
        jax.clear_caches()
        package.append(_once(network, training, lambda t: make_step(network, t, inner_ode=True), in_runs))
        baseline.append(_once(network, independent, lambda t: released.make_step(network, t), released.unstacked))
    ratios = [slow / fast for fast, slow in zip(package, baseline, strict=True)]
    return {"ratio": quartiles(ratios), "package": {"compile_s": package}, "baseline": {"compile_s": baseline}}


def _once(network: Network, training: Training, make, layout) -> float:
    def shapes():
        state = initial_state(layout(initial_weights(network, 0, length_table=True)), training)
        count = images_per_step(training)
        x1 = jax.numpy.zeros((count, *network.image, network.channels))
        return state, x1, jax.numpy.zeros(count, "int32"), jax.random.key(0)

    given = jax.eval_shape(shapes)
    return seconds(lambda: make(training).lower(*given).compile())


def main():
    parser = options(__doc__)
    add_training(parser)
    parser.add_argument("--rounds", type=int, default=1)
    arguments = parser.parse_args()
    placing.prepare(1)
    jax.config.update("jax_enable_compilation_cache", False)
    network = network_of(arguments)
    figures = measure(network, training_of(arguments, "stratified"), arguments.rounds)
    report(arguments, device_name(), figures)


if __name__ == "__main__":
    told(main)
