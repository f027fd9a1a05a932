"""How fast images are generated: images/s of a batch, after compilation, each repetition waited for."""

import jax
from common import network_of, options, report

from odelt import costs
from odelt.config import FINEST_D, Latency, Solver
from odelt.evaluation import latency
from odelt.model import Model
from odelt.model.weights import initial_weights


def main():
    parser = options(__doc__)
    parser.add_argument("--length", required=True, help="active blocks, or 'full' for the conventional path")
    parser.add_argument("--solver", default="euler:4")
    parser.add_argument("--guidance", type=float, default=1.0)
    parser.add_argument("--repeats", type=int, default=10)
    arguments = parser.parse_args()
    network = network_of(arguments)
    length = None if arguments.length == "full" else network.check_length(int(arguments.length))
    solver = Solver.parse(arguments.solver)
    model = Model(network, jax.device_put(initial_weights(network, 0, length_table=True)), arguments.dtype)
    setting = latency.Setting(solver, arguments.guidance, FINEST_D if solver.adaptive else None)
    timing = Latency(batch_size=arguments.batch, repeats=arguments.repeats)
    (timed,) = latency.measure(model, length, [setting], timing)
    doubled = 1 if arguments.guidance in (0, 1) else 2
    evaluation = costs.evaluation(network, network.effective_blocks(length))
    report(
        arguments,
        images_per_s=arguments.batch / timed["seconds"]["median"],
        flops=doubled * timed["evaluations"] * arguments.batch * evaluation,
        **{key: timed[key] for key in ("seconds", "compile_s", "peak_bytes", "evaluations")},
    )


if __name__ == "__main__":
    main()
