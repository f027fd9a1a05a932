"""The network of SPEC 2 and 3, and its weights."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from odelt.machine import numerics
from odelt.model import arguments, held
from odelt.model.weights import Model, load_model

__all__ = ["Model", "load_model", "velocity"]


@numerics.pinned()
def velocity(model: Model, x, t, d, y, length: int | np.ndarray | jax.Array | None = None) -> jax.Array:
    """The network's velocity at noisy images (SPEC 2, 3).

    Args:
        x: [N, H, W, C] noisy images or latents, finite; H and W may differ from the model's own.
        t: [N] or scalar, time in [0, 1]; 0 is noise, 1 is data.
        d: [N] or scalar, step-size condition, a whole number 0..7 (step size 2^-d). A network that never saw d gets 0
            whatever is given (SPEC 9.14).
        y: [N] or scalar, class labels of an integer type; `model.config.classes` is the null label.
        length: an allowed length for all rows, an int array [N] of allowed lengths, or None for the conventional path.

    Returns:
        [N, H, W, C] in the model's dtype.

    Raises:
        OdeltError: an argument of another shape, type or range, or a length for weights without a length table.
            Inside of `jax.jit` values that are not known yet are not looked at.
    """
    config = model.config
    x = arguments.images("x", x, config)
    t, d = arguments.times(t, len(x)), arguments.step_sizes(d, len(x))
    if not model.objective.step_conditioned:
        d = jnp.zeros_like(d)
    y = arguments.labels(y, len(x), config.classes)
    if length is not None:
        model.require_inner_ode()
    length = arguments.lengths(length, len(x), config)
    if length is None or isinstance(length, int):
        return _velocity(model.structure, length, model.held_for(length), x, t, d, y)
    return _velocity_per_row(model.structure, model.held_for(model.config.lengths[-1]), x, t, d, y, length)


@functools.partial(jax.jit, static_argnums=(0, 1))
def _velocity(structure, length, weights, x, t, d, y):
    return held.field(structure, weights, length, d, y)(x, t)


@functools.partial(jax.jit, static_argnums=0)
def _velocity_per_row(structure, weights, x, t, d, y, length):
    return held.field(structure, weights, length, d, y)(x, t)
