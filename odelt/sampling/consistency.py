"""Consistency sampling: the network predicts the end of the path, and new noise goes back from there (SPEC 4.7).

No entry of `odelt.solvers` uses it yet: a solver there gets a number of steps, and this one needs noise for each.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float32, Int

from odelt.model.held import Images, Velocity


def integrate(
    velocity: Velocity, x0: Images, noise: Float32[jax.Array, "steps batch height width channels"]
) -> tuple[Images, Int[jax.Array, ""]]:
    """T = len(noise) steps: x̂ = x + v(x, i/T)·(1 − i/T), then x = x̂·(i+1)/T + ε_i·(1 − (i+1)/T).

    Returns x at t = 1 and the number of steps. The last step adds no noise.
    """
    steps = len(noise)

    def step(i, x):
        t, following = i / steps, (i + 1) / steps
        end = x + velocity(x, jnp.asarray(t, jnp.float32)[None]) * (1 - t)
        return end * following + noise[i] * (1 - following)

    return jax.lax.fori_loop(0, steps, step, x0), jnp.asarray(steps)


def fresh_noise(
    seed: int, indices: np.ndarray, steps: int, shape: tuple[int, ...]
) -> Float32[np.ndarray, "steps count ..."]:
    """Standard normal noise for each step; a sample's depends on (seed, its index, step) only."""
    noise = np.empty((steps, len(indices), *shape), np.float32)
    for step in range(steps):
        for row, index in enumerate(indices):
            noise[step, row] = np.random.default_rng([seed, index, step]).standard_normal(shape, dtype=np.float32)
    return noise
