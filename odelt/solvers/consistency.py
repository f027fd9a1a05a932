"""Consistency sampling: each step predicts the end of the path, and fresh noise leads back from there (SPEC 4.7)."""

from odelt.solvers.method import FixedSteps


def integrate(velocity, x0, steps, noise):
    """x̂ = x + v(x, t)·(1 − t), x ← x̂·(t + 1/T) + ε_i·(1 − t − 1/T) for t = i/T; the last step adds no noise.

    `noise` is ε, standard normal [N, T, H, W, C].
    """
    import jax
    import jax.numpy as jnp

    def step(i, x):
        t, following = i / steps, (i + 1) / steps
        end = x + velocity(x, t[None].astype(jnp.float32)) * (1 - t)
        return end * following + noise[:, i] * (1 - following)

    return jax.lax.fori_loop(0, steps, step, x0), jnp.asarray(steps)


CONSISTENCY = FixedSteps(
    name="consistency", order=None, per_step=1, integrate=integrate, fills_columns=True, takes_noise=True
)
