"""Heun's method with T equal steps."""

from odelt.solvers.method import FixedSteps


def integrate(velocity, x0, steps):
    """v1 = v(x, t), v2 = v(x + v1/T, t + 1/T), x ← x + (v1 + v2)/(2T) for t = 0, 1/T, … (SPEC 5).

    The last step is Euler's, because networks are not trained at t = 1.
    """
    import jax
    import jax.numpy as jnp

    steps = jnp.asarray(steps)

    def at(x, i):
        return velocity(x, (i / steps)[None].astype(jnp.float32))

    def step(i, x):
        v1 = at(x, i)
        v2 = at(x + v1 / steps, i + 1)
        return x + (v1 + v2) / (2 * steps)

    x = jax.lax.fori_loop(0, steps - 1, step, x0)
    return x + at(x, steps - 1) / steps, steps


HEUN_FIXED = FixedSteps(name="heun-fixed", order=2, per_step=2, besides=-1, integrate=integrate)
