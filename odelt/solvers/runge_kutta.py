"""Explicit Runge–Kutta methods with an embedded error estimate, by diffrax (SPEC 5)."""

import functools

from odelt.solvers.method import Adaptive

GIVES_UP_AFTER = 16384  # steps


def integrate(solver: str, velocity, x0, tolerance):
    """PID step-size control with default coefficients, rtol = atol; the controller chooses the first step.

    `solver` is a class of diffrax.
    """
    import diffrax
    import jax.numpy as jnp

    solution = diffrax.diffeqsolve(
        diffrax.ODETerm(lambda t, x, _: velocity(x, jnp.asarray(t, jnp.float32)[None])),
        getattr(diffrax, solver)(),
        t0=0.0,
        t1=1.0,
        dt0=None,
        y0=x0,
        stepsize_controller=diffrax.PIDController(rtol=tolerance, atol=tolerance),
        max_steps=GIVES_UP_AFTER,
        throw=False,
    )
    assert solution.ys is not None  # by default diffrax saves the end
    reached = solution.result == diffrax.RESULTS.successful
    return solution.ys[0], jnp.where(reached, solution.stats["num_steps"], -1)


def _method(solver: str, **declared) -> Adaptive:
    return Adaptive(name=solver.lower(), integrate=functools.partial(integrate, solver), **declared)


# With `besides`, the last evaluation of a step is the first of the next one.
RUNGE_KUTTA = (
    _method("Heun", order=2, per_step=2),
    _method("Midpoint", order=2, per_step=2),
    _method("Ralston", order=2, per_step=2),
    _method("Bosh3", order=3, per_step=3, besides=1),
    _method("Tsit5", order=5, per_step=6, besides=1),
    _method("Dopri5", order=5, per_step=6, besides=1),
    _method("Dopri8", order=8, per_step=13, besides=1),
)
# Other solvers of diffrax: they would need Jacobians of the network.
IMPLICIT = ("impliciteuler", "kvaerno3", "kvaerno4", "kvaerno5", "kencarp3", "kencarp4", "kencarp5", "sil3")
