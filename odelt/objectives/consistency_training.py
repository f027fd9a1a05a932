"""Consistency training: all points of a path have the same end, without a teacher (SPEC 4.7)."""

from odelt.objectives import naive
from odelt.objectives.objective import Consistency, Objective


def rows(draw):
    import jax.numpy as jnp

    from odelt.objectives.rows import grid_times, rows_of

    return rows_of(draw, grid_times(draw.key, draw.size, jnp.ldexp(1.0, draw.phase)), target), None


def target(given):
    """The velocity to the end that the EMA network predicts one of 2^phase sections later, on the same path."""
    import jax.numpy as jnp

    from odelt.objectives.rows import over_image, velocity_to_end

    later = given.t + jnp.ldexp(1.0, -given.phase)
    x, _ = naive.path(given.x0, given.x1, over_image(given.t), None)
    x_later, _ = naive.path(given.x0, given.x1, over_image(later), None)
    return x, velocity_to_end(given, x, x_later, later)


CONSISTENCY_TRAINING = Objective(
    name="consistency-training",
    consistency=Consistency(rows=rows, target=target, evaluations=lambda settings: 1, share=1),
    inner_ode=False,
    solvers=("consistency",),
)
