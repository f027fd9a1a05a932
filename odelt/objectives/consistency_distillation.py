"""Consistency distillation: all points of a teacher's path have the same end (SPEC 4.7)."""

from odelt.objectives import naive
from odelt.objectives.objective import Consistency, Objective
from odelt.solvers import FINEST_D

STEPS = 2**FINEST_D
CLIP = 4.0  # after the teacher's step


def rows(draw):
    from odelt.objectives.rows import grid_times, rows_of

    return rows_of(draw, grid_times(draw.key, draw.size, STEPS), target), None


def target(given):
    """The velocity to the end that the EMA network predicts after one step of the teacher's, 1/128 long."""
    import jax.numpy as jnp

    from odelt.objectives.rows import guided, over_image, velocity_to_end

    x, _ = naive.path(given.x0, given.x1, over_image(given.t), None)
    v = guided(given.networks["teacher"], given, 1.0)(x, given.t)
    return x, velocity_to_end(given, x, jnp.clip(x + v / STEPS, -CLIP, CLIP), given.t + 1 / STEPS)


CONSISTENCY_DISTILLATION = Objective(
    name="consistency-distillation",
    consistency=Consistency(rows=rows, target=target, asks=("teacher", "ema"), evaluations=lambda settings: 2, share=1),
    inner_ode=False,
    distils=True,
    solvers=("euler", "consistency"),
)
