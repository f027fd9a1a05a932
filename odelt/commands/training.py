"""Training and fine-tuning."""

import functools
import json
import sys

from odelt.commands import options
from odelt.config import Codec, Network, Training, parse_json


def train(a):
    from odelt import operations
    from odelt.machine import alive, devices

    network = parse_json(Network, a.network, "--network")
    training = parse_json(Training, a.training, "--training")
    watched = alive.is_alive()
    claimed = devices.claim(1 if training.sharding == "none" else "all")
    devices.check(training.steps * operations.step(network, training, a.inner_ode), claimed)

    devices.start_jax(claimed)

    from odelt import files
    from odelt.data import dataset, latents
    from odelt.layout.model_directory import WEIGHTS
    from odelt.provenance import environment
    from odelt.training import checkpoints, loop

    prepare = scale = None
    if a.codec:
        from odelt.data import gaussian

        data = latents.open_store(a.dataset)
        scale = parse_json(Codec, a.codec, "--codec").scale
        prepare = functools.partial(gaussian.sample_latents, scale=scale)
        content = latents.INDEX
    else:
        data, content = dataset.load(a.dataset), ""
    # What tells this run from another, beside its settings.
    identity = {"dataset": files.digest(a.dataset / content)}
    if scale is not None:
        identity["scale"] = str(scale)
    identity["environment"] = json.dumps(environment.settings(("jax", "numpy")))
    if a.start:
        identity["start"] = files.digest(a.start / WEIGHTS)
    checkpoints.keep_threads_quiet()
    try:
        loop.train(
            data,
            loop.start_weights(network, a.start, a.inner_ode, a.seed),
            network,
            training,
            inner_ode=a.inner_ode,
            seed=a.seed,
            checkpoints=a.checkpoints,
            identity=identity,
            out=a.out,
            timings=a.timings,
            prepare=prepare,
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
