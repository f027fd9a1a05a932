"""Training and fine-tuning."""

import sys

from odelt.commands import options
from odelt.config import Codec, Network, Training, parse_json


def train(a):
    from odelt import operations
    from odelt.machine import alive, devices

    network = parse_json(Network, a.network, "--network")
    training = parse_json(Training, a.training, "--training")
    codec = parse_json(Codec, a.codec, "--codec") if a.codec else None
    watched = alive.is_alive()
    claimed = devices.claim(training.gpus)
    devices.check(training.steps * operations.step(network, training, a.inner_ode), claimed)

    devices.start_jax(claimed)

    from odelt.training import checkpoints, loop
    from odelt.training.inputs import read_inputs

    inputs = read_inputs(a.dataset, codec, a.start)
    checkpoints.keep_threads_quiet()
    try:
        loop.train(
            inputs.data,
            loop.start_weights(network, a.start, a.inner_ode, a.seed),
            network,
            training,
            inner_ode=a.inner_ode,
            seed=a.seed,
            checkpoints=a.checkpoints,
            identity=inputs.identity,
            out=a.out,
            ema=loop.start_ema(network, training.objective, a.start, a.seed),
            timings=a.timings,
            prepare=inputs.prepare,
            sharding=training.sharding,
            orphaned=lambda: watched and not alive.is_alive(),
        )
    except checkpoints.Interrupted as interrupted:
        print(f"odelt: {interrupted}", file=sys.stderr)
        return 128 + interrupted.signum


def register(verb):
    verb(
        "train",
        train,
        dataset=options.path(help="a dataset, or with --codec the store of its latents' moments"),
        codec=options.text(default=None, metavar="JSON", help="the latents are sampled from stored moments"),
        start=options.path(default=None, help="model directory to start from; fresh weights without"),
        network=options.SETTINGS,
        training=options.SETTINGS,
        inner_ode={"action": "store_true", "help": "train ODE_t(ODE_l), not the conventional path"},
        seed=options.SEED,
        checkpoints=options.path(metavar="DIR", help="where the state of an unfinished run lies"),
        timings=options.path(default=None, metavar="FILE.csv", help="where to write how fast it was; outside of --out"),
        out=options.OUT_DIR | {"help": "model directory to write, with the training curve"},
    )
