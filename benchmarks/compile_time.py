"""How long a training step takes to compile: the package's, and the baseline's with its unrolled blocks.

Both are lowered and compiled from shapes alone, so that XL's needs no weights. Sizes as train_step.py; `--rounds` of
both in turns, with nothing kept between them. `--on h100` compiles for a GPU that need not be here.
"""

import contextlib
import functools
import os
from typing import Any

import deviceless
import jax
import placing
import released
from common import add_training, network_of, options, quartiles, report, seconds, told, training_of

from odelt.commands.kinds import at_least
from odelt.config import Network, Training
from odelt.evaluation.latency import device_name, peak_bytes
from odelt.model import runs
from odelt.model.weights import initial_weights
from odelt.training.step import initial_state, make_step


def measure(network: Network, training: Training, rounds: int, sharding: Any = None) -> dict[str, Any]:
    """Seconds of tracing, lowering and compiling, and the memory that the steps need by the compiler's account.

    The ratio is the baseline's seconds over the package's. `sharding` is where the step will be; by default JAX's own
    device.
    """
    independent = training.model_copy(update={"length_draw": "independent"})
    in_runs = functools.partial(runs.split, network=network)
    steps = {
        "package": (network, training, lambda t: make_step(network, t, inner_ode=True), in_runs),
        "baseline": (network, independent, lambda t: released.make_step(network, t), released.unstacked),
    }
    square = jax.ShapeDtypeStruct((8, 8), "float32", sharding=sharding)
    jax.jit(lambda x: x @ x).lower(square).compile()  # what only a process's first compilation does
    figures: dict[str, Any] = {side: {"compile_s": []} for side in steps}
    for _ in range(rounds):
        for side, step in steps.items():
            jax.clear_caches()
            took, figures[side]["peak_bytes"] = _once(*step, sharding)
            figures[side]["compile_s"].append(took)
    pairs = zip(figures["package"]["compile_s"], figures["baseline"]["compile_s"], strict=True)
    return {"ratio": quartiles([slow / fast for fast, slow in pairs]), **figures}


def _once(network: Network, training: Training, make, layout, sharding) -> tuple[float, int]:
    def shapes():
        state = initial_state(layout(initial_weights(network, 0, length_table=True)), training)
        count = training.images_per_step
        x1 = jax.numpy.zeros((count, *network.image, network.channels))
        return state, x1, jax.numpy.zeros(count, "int32"), jax.random.key(0)

    given = jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape, a.dtype, sharding=sharding), jax.eval_shape(shapes))
    compiled: list = []
    took = seconds(lambda: compiled.append(make(training).lower(*given).compile()))
    return took, peak_bytes(compiled[0].memory_analysis())


def main():
    parser = options(__doc__)
    add_training(parser)
    parser.add_argument("--rounds", type=at_least(1), default=1)
    parser.add_argument("--on", choices=["here", "h100"], default="here", help="JAX's own device, or an H100")
    arguments = parser.parse_args()
    elsewhere = arguments.on == "h100"
    if elsewhere:
        deviceless.prepare()
    placing.prepare(1)
    os.environ.pop("JAX_COMPILATION_CACHE_DIR", None)
    jax.config.update("jax_enable_compilation_cache", False)
    network, training = network_of(arguments), training_of(arguments, "stratified")
    with deviceless.h100() if elsewhere else contextlib.nullcontext((device_name(), None)) as (name, sharding):
        figures = measure(network, training, arguments.rounds, sharding)
    report(arguments, f"{name}, compiled for it on {device_name()}" if elsewhere else name, figures)


if __name__ == "__main__":
    told(main)
