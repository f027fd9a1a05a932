"""Sample sets."""

from odelt.commands import kinds, options
from odelt.config import FINEST_D, SPELLINGS, Solver, check_gpus
from odelt.errors import OdeltError


def sample(a):
    solver = Solver.parse(a.solver)
    settings = [(solver.jointly(a.batch_size) if a.joint else solver, a.guidance, a.d)]
    with options.telling_replaced(a.out):
        _generate(a, settings, [a.out], labels=a.labels)


def sample_grid(a):
    """All sample sets of one (model, weights, length) in one process."""
    settings, outs = zip(*options.for_each_output(a, "setting"), strict=True)
    _generate(a, settings, outs)


def _generate(a, settings, outs, **more):
    from odelt import operations
    from odelt.machine import devices

    try:
        check_gpus(a.gpus, a.sharding)
    except ValueError as error:
        raise OdeltError(f"--{error}") from None
    claimed = devices.claim(a.gpus)
    devices.start_jax(claimed)

    from odelt.model import load_model
    from odelt.model.weights import load_config
    from odelt.sampling import generate

    devices.check(operations.group(load_config(a.model), a.length, settings, a.count), claimed)
    model = load_model(a.model, a.weights, a.dtype, length=a.length)
    with options.progress(a.count * len(settings), "sample") as progress:
        for (solver, guidance, d), out in zip(settings, outs, strict=True):
            samples = generate(
                model,
                count=a.count,
                seed=a.seed,
                solver=solver,
                length=a.length,
                guidance=guidance,
                d=d,
                batch_size=a.batch_size,
                sharding=a.sharding,
                progress=progress,
                **more,
            )
            samples.save(out)


def register(verb):
    solver = {"required": True, "metavar": "|".join(SPELLINGS), "help": "solver of the ODE over time"}
    guidance = {
        "type": kinds.guidance_scale,
        "default": 1.0,
        "metavar": "w",
        "help": "0: unconditional, 1: conditional",
    }
    gpus = options.POSITIVE | {"required": False, "default": 1, "metavar": "N", "help": "GPUs that share the samples"}
    sharding = {"choices": ["none", "data"], "default": "none", "help": "what several GPUs share"}
    number = options.POSITIVE | {"metavar": "N"}
    verb(
        "sample",
        sample,
        model=options.MODEL,
        length=options.LENGTH,
        solver=solver,
        guidance=guidance,
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
        sharding=sharding,
        gpus=gpus,
        labels={
            "type": kinds.label_list,
            "metavar": "y1,y2,…",
            "help": "classes, or null for the null label: dealt out in turn, instead of drawn",
        },
    )
    verb(
        "sample-grid",
        sample_grid,
        **options.GROUP,
        count=number,
        seed=options.SEED,
        batch_size=options.BATCH_SIZE,
        sharding=sharding,
        gpus=gpus,
        out=options.OUTS,
    )
