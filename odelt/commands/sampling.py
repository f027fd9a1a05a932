"""Sample sets."""

import functools

from odelt.commands import kinds, options
from odelt.config import FINEST_D, SPELLINGS, Solver, check_gpus
from odelt.errors import OdeltError


def sample(a):
    solver = Solver.parse(a.solver)
    setting = (solver.jointly(a.batch_size) if a.joint else solver, a.guidance, a.d)
    with options.telling_replaced(a.out):
        _generate(a, [(a.weights, a.length, setting, a.out)], labels=a.labels)


def sample_grid(a):
    """Many sample sets of one model in one process."""
    _generate(a, list(options.for_each_output(a, "weights", "length", "setting")))


def _generate(a, sets, **more):
    """Writes `sets`, each (weights, length, (solver, guidance, d), output). Those of one network follow each other."""
    from odelt import operations
    from odelt.machine import devices

    try:
        check_gpus(a.gpus or 1, a.sharding)
    except ValueError as error:
        raise OdeltError(f"--{error}") from None
    claimed = devices.claim(a.gpus or 1)
    devices.start_jax(claimed)

    from odelt.model import load_model
    from odelt.model.weights import load_config
    from odelt.sampling import generate

    network = load_config(a.model)
    once = sum(operations.generation(network, length, solver, guidance) for _, length, (solver, guidance, _), _ in sets)
    devices.check(a.count * once, claimed)
    load = functools.lru_cache(maxsize=1)(functools.partial(load_model, a.model, dtype=a.dtype))
    with options.progress(a.count * len(sets), "sample") as progress:
        for weights, length, (solver, guidance, d), out in sets:
            samples = generate(
                load(weights, length=length),
                count=a.count,
                seed=a.seed,
                solver=solver,
                length=length,
                guidance=guidance,
                d=d,
                batch_size=a.batch_size,
                sharding=a.sharding,
                progress=progress,
                **more,
            )
            samples.save(out)


SOLVER = {"required": True, "metavar": "|".join(SPELLINGS), "help": "solver of the ODE over time"}
GUIDANCE = {"type": kinds.guidance_scale, "default": 1.0, "metavar": "w", "help": "0: unconditional, 1: conditional"}
GPUS = options.POSITIVE | {"required": False, "metavar": "N", "help": "GPUs that share the samples; 1 without"}
SHARDING = {"choices": ["none", "data"], "default": "none", "help": "what several GPUs share"}


def register(verb):
    number = options.POSITIVE | {"metavar": "N"}
    verb(
        "sample",
        sample,
        model=options.MODEL,
        length=options.LENGTH,
        solver=SOLVER,
        guidance=GUIDANCE,
        count=number,
        seed=options.SEED,
        out=options.OUT | {"metavar": "FILE.npz", "help": "samples [N,H,W,C], labels [N], evaluations [N]"},
        weights=options.WEIGHTS,
        d={
            "type": int,
            "choices": range(FINEST_D + 1),
            "help": "step-size condition; log2 T for Euler, rounded down and at most 7; 7 for others",
        },
        joint={"action": "store_true", "help": "adaptive solvers: one step size for a whole batch, as the release"},
        batch_size=options.BATCH_SIZE,
        dtype=options.DTYPE,
        sharding=SHARDING,
        gpus=GPUS,
        labels={
            "type": kinds.label_list,
            "metavar": "y1,y2,…",
            "help": "classes, or null for the null label: dealt out in turn, instead of drawn",
        },
    )
    verb(
        "sample-grid",
        sample_grid,
        model=options.MODEL,
        weights=options.WEIGHTS | options.OF_EACH,
        length=options.LENGTH | options.OF_EACH,
        setting=options.SETTING,
        dtype=options.DTYPE,
        count=number,
        seed=options.SEED,
        batch_size=options.BATCH_SIZE,
        sharding=SHARDING,
        gpus=GPUS,
        out=options.OUTS,
    )
