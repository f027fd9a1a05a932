"""The network of SPEC 2 and 3, and its weights."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from odelt import numerics
from odelt.errors import OdeltError
from odelt.model import held
from odelt.model.weights import Model, load_model

__all__ = ["Model", "load_model", "velocity"]


@numerics.pinned()
def velocity(model: Model, x, t, d, y, length: int | np.ndarray | None = None) -> jax.Array:
    """The network's velocity at noisy images (SPEC 2, 3).

    Args:
        x: [N, H, W, C] noisy images or latents; H and W may differ from the model's own.
        t: [N] or scalar, time in [0, 1]; 0 is noise, 1 is data.
        d: [N] or scalar, step-size condition 0..7 (step size 2^-d).
        y: [N] or scalar, class labels; `model.config.classes` is the null label.
        length: an allowed length for all rows, an int array [N] of allowed lengths, or None for the conventional path.

    Returns:
        [N, H, W, C] in the model's dtype.

    Raises:
        OdeltError: a label, step size or length out of range, or a length for weights without a length table.
    """
    x = jnp.asarray(x, jnp.float32)
    t = jnp.broadcast_to(jnp.asarray(t, jnp.float32), x.shape[:1])
    d = jnp.broadcast_to(jnp.asarray(d, jnp.float32), x.shape[:1])
    y = jnp.broadcast_to(jnp.asarray(y, jnp.int32), x.shape[:1])
    check_labels(model, y)
    if length is not None:
        model.require_inner_ode()
        for one in np.unique(np.asarray(length)):
            model.config.check_length(int(one))
        length = int(length) if np.ndim(length) == 0 else jnp.asarray(length, jnp.int32)
    if length is None or isinstance(length, int):
        return _velocity(model.structure, length, model.held_for(length), x, t, d, y)
    return _velocity_per_row(model.structure, model.held_for(model.config.lengths[-1]), x, t, d, y, length)


def check_labels(model: Model, y) -> None:
    """OdeltError unless every label is a class or the null label."""
    if y.size and not 0 <= int(y.min()) <= int(y.max()) <= model.config.classes:
        raise OdeltError(f"labels go from 0 to {model.config.classes}, where {model.config.classes} is the null label")


@functools.partial(jax.jit, static_argnums=(0, 1))
def _velocity(structure, length, weights, x, t, d, y):
    return held.field(structure, weights, length, d, y)(x, t)


@functools.partial(jax.jit, static_argnums=0)
def _velocity_per_row(structure, weights, x, t, d, y, length):
    return held.field(structure, weights, length, d, y)(x, t)
