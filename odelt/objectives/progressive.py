"""Progressive distillation: one step learns two of a teacher's, each half as long (SPEC 4.7)."""

from odelt.objectives import naive
from odelt.objectives.objective import Consistency, Objective, Settings
from odelt.objectives.phases import PHASES
from odelt.solvers import FINEST_D

CLIP = 4.0  # between the half-steps


def rows(draw):
    import jax.numpy as jnp

    from odelt.objectives.rows import grid_times, rows_of

    steps = jnp.ldexp(1.0, FINEST_D - 1 - draw.phase)
    return rows_of(draw, grid_times(draw.key, draw.size, steps), target), None


def target(given):
    """The mean of the teacher's velocities at two half-steps of 2^-d/2, d = 6 − phase. In phase 0 they are guided."""
    import jax
    import jax.numpy as jnp

    from odelt.objectives.rows import guided, over_image

    half = jnp.ldexp(0.5, given.phase - FINEST_D + 1)
    x, _ = naive.path(given.x0, given.x1, over_image(given.t), None)

    def mean_velocity(guidance: float):
        velocity = guided(given.networks["teacher"], given, guidance)
        v1 = velocity(x, given.t)
        v2 = velocity(jnp.clip(x + half * v1, -CLIP, CLIP), given.t + half)
        return (v1 + v2) / 2

    return x, jax.lax.cond(given.phase == 0, lambda: mean_velocity(given.guidance), lambda: mean_velocity(1.0))


def evaluations(settings: Settings) -> float:
    """Two half-steps. Guidance doubles them in one phase."""
    return 2 * (1 + settings.guides / PHASES)


PROGRESSIVE = Objective(
    name="progressive",
    consistency=Consistency(rows=rows, target=target, asks=("teacher",), evaluations=evaluations, share=1),
    inner_ode=False,
    distils=True,
    renews_teacher=True,
    solvers=("euler",),
)
