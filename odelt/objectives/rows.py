"""Rows of a training batch."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float, Int

Images = Float[jax.Array, "batch height width channels"]  # or latents, or velocities
PerRow = Float[jax.Array, " batch"]
Labels = Int[jax.Array, " batch"]


class Rows(NamedTuple):
    """Inputs of the network and the velocity to regress them on."""

    x: Images  # noisy
    t: PerRow  # in [0, 1]
    d: PerRow  # step-size condition 0..7
    y: Labels  # the null label is the number of classes
    target: Images


def concatenate(*parts: Rows) -> Rows:
    return jax.tree.map(lambda *arrays: jnp.concatenate(arrays), *parts)


def interpolate(x0: Images, x1: Images, t: PerRow) -> Images:
    """x_t = (1 − t)·x_0 + t·x_1 (SPEC 1)."""
    t = over_image(t)
    return (1 - t) * x0 + t * x1


def over_image(t: PerRow) -> Float[jax.Array, "batch 1 1 1"]:
    """One value for all pixels of a row."""
    return t[:, None, None, None]
