"""Flow rows: the shortcut objective's own (SPEC 4.1) and those of the plain objectives (SPEC 4.5)."""

import jax
import jax.numpy as jnp
from jaxtyping import Float, Key

from odelt.objectives.objective import Flow, Settings
from odelt.objectives.rows import Images, Labels, Rows, grid_times, over_image
from odelt.solvers import FINEST_D


def drop_labels(key: Key[jax.Array, ""], y: Labels, probability: float, null: int) -> Labels:
    """Each label replaced by the null label with this probability."""
    return jnp.where(jax.random.uniform(key, y.shape) < probability, null, y)


def rows(
    key: Key[jax.Array, ""], x1: Images, y: Labels, flow: Flow, settings: Settings, null: int
) -> tuple[Rows, Images]:
    """One row per image of x1, and the noise x_0 that made it."""
    noise_key, time_key, label_key, epsilon_key = jax.random.split(key, 4)
    x0 = jax.random.normal(noise_key, x1.shape)
    t = times(time_key, x1.shape[0], flow, settings)
    # SPEC 9.7: the release draws ε with x_0's key. A path that needs no ε is compiled without it.
    epsilon = x0 if settings.released_noise else jax.random.normal(epsilon_key, x1.shape)
    x, target = flow.path(x0, x1, over_image(t), epsilon)
    d = jnp.full(t.shape, flow.d, jnp.float32)
    return Rows(x, t, d, drop_labels(label_key, y, settings.class_dropout, null), target), x0


def times(key: Key[jax.Array, ""], count: int, flow: Flow, settings: Settings) -> Float[jax.Array, " {count}"]:
    """Times: on the grid of 1/128 below 1, or rounded to it (1 included) or continuous, as the settings choose."""
    steps = 2**FINEST_D
    if not flow.settings_choose_times:
        return grid_times(key, count, steps)
    u = jax.random.uniform(key, (count,))
    return u if settings.continuous_time else jnp.round(steps * u) / steps
