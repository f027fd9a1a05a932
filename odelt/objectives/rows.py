"""Rows of a training batch, and what they are drawn from."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float, Int, Key

from odelt.objectives.objective import Settings

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


# The EMA network: (x, t, d, y, questions) -> (velocity at full length, replies to the questions)
Ema = Callable[[Images, PerRow, PerRow, Labels, Any], tuple[Images, Any]]


class Draw(NamedTuple):
    """What consistency rows are made of. x0, x1 and y have `consistency_draws` rows."""

    key: Key[jax.Array, ""]
    x0: Images  # noise
    x1: Images
    y: Labels
    settings: Settings
    null: int  # the null label
    ema: Ema
    questions: Any  # for the EMA network: arrays [2, …], a half for each of two evaluations; or None


def concatenate(*parts: Rows) -> Rows:
    return jax.tree.map(lambda *arrays: jnp.concatenate(arrays), *parts)


def interpolate(x0: Images, x1: Images, t: PerRow) -> Images:
    """x_t = (1 − t)·x_0 + t·x_1 (SPEC 1)."""
    t = over_image(t)
    return (1 - t) * x0 + t * x1


def over_image(t: PerRow) -> Float[jax.Array, "batch 1 1 1"]:
    """One value for all pixels of a row."""
    return t[:, None, None, None]
