"""Flow-matching rows: the shortcut objective's own (SPEC 4.1) and the plain objectives (SPEC 4.5)."""

import jax
import jax.numpy as jnp
from jaxtyping import Float, Key

from odelt.config import FINEST_D, MAX_STEPS, Training
from odelt.objectives.rows import Images, Labels, Rows, interpolate, over_image

SIGMA = 0.01  # of fm and icfm
NAIVE_FLOOR = 1e-5  # naive keeps this much of the noise at t = 1


def drop_labels(key: Key[jax.Array, ""], y: Labels, probability: float, null: int) -> Labels:
    """Each label replaced by the null label with this probability."""
    return jnp.where(jax.random.uniform(key, y.shape) < probability, null, y)


def rows(key: Key[jax.Array, ""], x1: Images, y: Labels, training: Training, null: int) -> tuple[Rows, Images]:
    """One row per image of x1, and the noise x_0 that made it."""
    noise_key, time_key, label_key, epsilon_key = jax.random.split(key, 4)
    x0 = jax.random.normal(noise_key, x1.shape)
    t = times(time_key, x1.shape[0], training)
    if training.objective == "icfm" and training.icfm_noise == "independent":
        epsilon = jax.random.normal(epsilon_key, x1.shape)
    else:
        epsilon = x0  # SPEC 9.7: the release draws it with x_0's key
    x, target = PATHS[training.objective](x0, x1, t, epsilon)
    d = jnp.full(t.shape, FINEST_D if training.objective == "shortcut" else 0, jnp.float32)
    return Rows(x, t, d, drop_labels(label_key, y, training.class_dropout, null), target), x0


def times(key: Key[jax.Array, ""], count: int, training: Training) -> Float[jax.Array, " {count}"]:
    """Times: on the grid of 1/128 below 1, or for fm, icfm and rfm rounded to it (1 included) or continuous."""
    u = jax.random.uniform(key, (count,))
    if training.objective in ("shortcut", "naive"):
        return jnp.floor(MAX_STEPS * u) / MAX_STEPS
    return jnp.round(MAX_STEPS * u) / MAX_STEPS if training.time == "discrete" else u


def _shortcut(x0, x1, t, _):
    return interpolate(x0, x1, t), x1 - x0


def _naive(x0, x1, t, _):
    t = over_image(t)
    return (1 - (1 - NAIVE_FLOOR) * t) * x0 + t * x1, x1 - (1 - NAIVE_FLOOR) * x0


def _fm(x0, x1, t, _):
    """Lipman's conditional path; x_0 is its ε."""
    t = over_image(t)
    spread = 1 - (1 - SIGMA) * t
    x = t * x1 + spread * x0
    return x, (x1 - (1 - SIGMA) * x) / spread


def _icfm(x0, x1, t, epsilon):
    return interpolate(x0, x1, t) + SIGMA * epsilon, x1 - x0


PATHS = {"shortcut": _shortcut, "naive": _naive, "fm": _fm, "icfm": _icfm, "rfm": _shortcut}
