"""Classifier-free guidance (SPEC 1): one doubled batch, never two calls."""

from collections.abc import Callable
from typing import Literal

import jax
import jax.numpy as jnp
from jaxtyping import Float, Int

from odelt.model.held import Velocity

Field = Callable[[Int[jax.Array, " labels"]], Velocity]  # the velocity at these labels
Mode = Literal["unconditional", "conditional", "guided"]


def mode_of(guidance: float) -> Mode:
    """Returns which labels a scale needs: 0 the null label only, 1 the asked label only, any other scale both."""
    modes: dict[float, Mode] = {0: "unconditional", 1: "conditional"}
    return modes.get(guidance, "guided")


def guided(
    field: Field, mode: Mode, guidance: float | Float[jax.Array, ""], null: int, y: Int[jax.Array, " batch"]
) -> Velocity:
    """Returns the velocity at labels y and guidance scale w: v_null + w·(v_y − v_null), always float32."""
    if mode == "guided":
        both = field(jnp.concatenate([y, jnp.full_like(y, null)]))

        def doubled(x, t):
            v_y, v_null = jnp.split(both(jnp.concatenate([x, x]), t).astype(jnp.float32), 2)
            return v_null + guidance * (v_y - v_null)

        return doubled
    velocity = field(y if mode == "conditional" else jnp.full((1,), null, y.dtype))  # one row, for all rows alike
    return lambda x, t: velocity(x, t).astype(jnp.float32)
