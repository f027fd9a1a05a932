"""Euler's method. Its steps are the shortcuts that networks learn."""

from odelt.solvers.method import FixedSteps


def integrate(velocity, x0, steps):
    """x ← x + v(x, i/T)/T for i = 0..T−1 (SPEC 5). The number of steps is not compiled in."""
    import jax
    import jax.numpy as jnp

    def step(i, x):
        return x + velocity(x, (i / steps)[None].astype(jnp.float32)) / steps

    return jax.lax.fori_loop(0, steps, step, x0), jnp.asarray(steps)


EULER = FixedSteps(name="euler", order=1, per_step=1, integrate=integrate, takes_shortcuts=True, fills_columns=True)
