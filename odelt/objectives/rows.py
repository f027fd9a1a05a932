"""Rows of a training batch."""

from typing import NamedTuple

import jax
import jax.numpy as jnp


class Rows(NamedTuple):
    """Inputs of the network and the velocity to regress them on; N rows."""

    x: jax.Array  # [N, H, W, C] float32, noisy
    t: jax.Array  # [N] float32 in [0, 1]
    d: jax.Array  # [N] float32, step-size condition 0..7
    y: jax.Array  # [N] int32, labels; the null label is the number of classes
    target: jax.Array  # [N, H, W, C] float32


def concatenate(*parts: Rows) -> Rows:
    return jax.tree.map(lambda *arrays: jnp.concatenate(arrays), *parts)


def interpolate(x0: jax.Array, x1: jax.Array, t: jax.Array) -> jax.Array:
    """x_t = (1 − t)·x_0 + t·x_1, with t [N] (SPEC 1)."""
    t = over_image(t)
    return (1 - t) * x0 + t * x1


def over_image(t: jax.Array) -> jax.Array:
    """[N] -> [N, 1, 1, 1]."""
    return t[:, None, None, None]
