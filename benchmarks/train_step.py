"""How fast a training step is: images/s over steps that are each waited for, after compilation."""

import time

import jax
import numpy as np
from common import network_of, options, report

from odelt import costs
from odelt.config import Training
from odelt.model.weights import initial_weights
from odelt.objectives.batch import images_per_step
from odelt.training.step import initial_state, make_step


def main():
    parser = options(__doc__)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--lengths", choices=["stratified", "independent"], default="stratified")
    parser.add_argument("--objective", choices=["shortcut", "naive", "fm", "icfm", "rfm"], default="shortcut")
    arguments = parser.parse_args()
    network = network_of(arguments)
    training = Training(
        steps=arguments.steps,
        learning_rate=1e-4,
        batch_size=arguments.batch,
        objective=arguments.objective,
        length_draw=arguments.lengths,
        dtype=arguments.dtype,
    )
    state = initial_state(initial_weights(network, 0, length_table=True), training)
    count = images_per_step(training)
    x1 = np.random.default_rng(0).standard_normal((count, *network.image, network.channels), np.float32)
    batch = (*jax.device_put((x1, np.arange(count, dtype=np.int32) % network.classes)), jax.random.key(0))
    began = time.perf_counter()
    step = make_step(network, training, inner_ode=True).lower(state, *batch).compile()
    compile_s = time.perf_counter() - began
    seconds = []
    for _ in range(arguments.steps + 1):
        began = time.perf_counter()
        state, _ = jax.block_until_ready(step(state, *batch))
        seconds.append(time.perf_counter() - began)
    q1, median, q3 = np.quantile(seconds[1:], (0.25, 0.5, 0.75)).tolist()
    report(
        arguments,
        images_per_s=arguments.batch / median,
        seconds={"median": median, "q1": q1, "q3": q3},
        compile_s=compile_s,
        peak_bytes=step.memory_analysis().peak_memory_in_bytes,
        flops=costs.step(network, training, inner_ode=True),
    )


if __name__ == "__main__":
    main()
