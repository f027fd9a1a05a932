"""Live reflow: straight paths to the data that the student makes of noise while it is trained (SPEC 4.7)."""

from odelt.objectives import naive
from odelt.objectives.objective import Consistency, Flow, Objective, Settings
from odelt.solvers import FINEST_D

STEPS = 8  # Euler steps to the student's data


def rows(draw):
    from odelt.objectives.rows import grid_times, rows_of

    t = grid_times(draw.key, draw.size, 2**FINEST_D) if draw.flow_t is None else draw.flow_t
    return rows_of(draw, t, target), None


def target(given):
    """x − x_0 on the path from the noise x_0 to the student's data x."""
    import jax
    import jax.numpy as jnp

    from odelt.objectives.rows import guided, over_image

    velocity = guided(given.networks["student"], given, given.guidance, d=FINEST_D)

    def step(i, x):
        return x + velocity(x, jnp.full(given.t.shape, i / STEPS)) / STEPS

    x1 = jax.lax.fori_loop(0, STEPS, step, given.x0)
    x, _ = naive.path(given.x0, x1, over_image(given.t), None)
    return x, x1 - given.x0


def evaluations(settings: Settings) -> float:
    return STEPS * (1 + settings.guides)


LIVE_REFLOW = Objective(
    name="live-reflow",
    flow=Flow(path=naive.path, d=FINEST_D),
    consistency=Consistency(rows=rows, target=target, asks=("student",), evaluations=evaluations, takes_images=False),
    inner_ode=False,
)
