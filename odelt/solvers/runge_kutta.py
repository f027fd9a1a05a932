"""Explicit Runge–Kutta methods with an embedded error estimate, by diffrax (SPEC 5)."""

import functools

from odelt.solvers.method import Adaptive

MAX_STEPS = 16384


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
        max_steps=MAX_STEPS,
        throw=False,
    )
    assert solution.ys is not None  # by default diffrax saves the end
    reached = solution.result == diffrax.RESULTS.successful
    return solution.ys[0], jnp.where(reached, solution.stats["num_steps"], -1)


def _method(solver: str, **declared) -> Adaptive:
    return Adaptive(name=solver.lower(), integrate=functools.partial(integrate, solver), **declared)


# The last evaluation of a step is the first of the next one, so that one more opens the first step.
DOPRI5 = _method("Dopri5", order=5, per_step=6, besides=1)
TSIT5 = _method("Tsit5", order=5, per_step=6, besides=1)
