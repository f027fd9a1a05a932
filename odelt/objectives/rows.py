"""Rows of a training batch, what they are drawn from, and what networks answer."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float, Int, Key

from odelt.objectives.objective import Settings

Images = Float[jax.Array, "batch height width channels"]  # or latents, or velocities
PerRow = Float[jax.Array, " batch"]
Labels = Int[jax.Array, " batch"]
Phase = int | Int[jax.Array, ""]


class Rows(NamedTuple):
    """Inputs of the network and the velocity to regress them on."""

    x: Images  # noisy
    t: PerRow  # in [0, 1]
    d: PerRow  # step-size condition 0..7
    y: Labels  # the null label is the number of classes
    target: Images


# A network: (x, t, d, y) -> velocity at full length, without dropout
Answer = Callable[[Images, PerRow, PerRow, Labels], Images]
# The EMA network: (x, t, d, y, questions) -> (velocity at full length, replies to the questions)
Ema = Callable[[Images, PerRow, PerRow, Labels, Any], tuple[Images, Any]]


Networks = Mapping[str, Answer]  # by the names in `Consistency.asks`


class Given(NamedTuple):
    """What a target of consistency is made of. An objective reads what it needs."""

    x0: Images  # noise
    x1: Images
    t: PerRow
    y: Labels
    null: int  # the null label
    networks: Networks
    guidance: float
    phase: Phase  # 0..6
    d: PerRow | None = None


class Draw(NamedTuple):
    """What consistency rows are drawn from. x0, x1 and y have `consistency_draws` rows."""

    key: Key[jax.Array, ""]
    x0: Images  # noise
    x1: Images
    y: Labels
    flow_t: PerRow | None  # the times of the flow rows with this noise; None if the noise is their own
    settings: Settings
    null: int
    networks: Networks
    phase: Phase
    ask: Ema
    questions: Any  # for `ask`: arrays [2, …], a half for each of two evaluations; or None

    @property
    def size(self) -> int:
        return self.y.shape[0]


def rows_of(draw: Draw, t: PerRow, target: Callable[[Given], tuple[Images, Images]]) -> Rows:
    """Makes rows with the condition 0, a target of each draw."""
    guidance = draw.settings.guidance
    x, velocity = target(Given(draw.x0, draw.x1, t, draw.y, draw.null, draw.networks, guidance, draw.phase))
    return Rows(x, t, jnp.zeros(t.shape), draw.y, velocity)


def grid_times(key: Key[jax.Array, ""], count: int, steps: float | Float[jax.Array, "..."]) -> PerRow:
    """Draws times uniformly from {0, 1/steps, …, 1 − 1/steps}. `steps` is one number, or one for each time."""
    return jnp.floor(jax.random.uniform(key, (count,)) * steps) / steps


def guided(answer: Answer, given: Given, guidance: float, d: int = 0) -> Callable[[Images, PerRow], Images]:
    """Returns a network's velocity (x, t) -> v at the given labels and guidance scale (SPEC 1), in float32."""

    def at(x: Images, t: PerRow, y: Labels) -> Images:
        return answer(x, t, jnp.full(t.shape, d, jnp.float32), y).astype(jnp.float32)

    null = jnp.full_like(given.y, given.null)

    def velocity(x: Images, t: PerRow) -> Images:
        if guidance in (0, 1):
            return at(x, t, given.y if guidance else null)
        twice = (jnp.concatenate(pair) for pair in ((x, x), (t, t), (given.y, null)))
        v_y, v_null = jnp.split(at(*twice), 2)
        return v_null + guidance * (v_y - v_null)

    return velocity


def velocity_to_end(given: Given, x: Images, x_later: Images, later: PerRow) -> Images:
    """Returns the velocity from x to the end x̂ that the EMA network predicts at a later point of the path."""
    v = guided(given.networks["ema"], given, 1.0)(x_later, later)
    end = x_later + over_image(1 - later) * v
    return (end - x) / over_image(1 - given.t)


def concatenate(*parts: Rows) -> Rows:
    return jax.tree.map(lambda *arrays: jnp.concatenate(arrays), *parts)


def interpolate(x0: Images, x1: Images, t: PerRow) -> Images:
    """x_t = (1 − t)·x_0 + t·x_1 (SPEC 1)."""
    t = over_image(t)
    return (1 - t) * x0 + t * x1


def over_image(t: PerRow) -> Float[jax.Array, "batch 1 1 1"]:
    """One value for all pixels of a row."""
    return t[:, None, None, None]
