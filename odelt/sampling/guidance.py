"""Classifier-free guidance (SPEC 1): one doubled batch, never two calls."""

from collections.abc import Callable
from typing import Literal

import jax
import jax.numpy as jnp

Velocity = Callable[[jax.Array, jax.Array, jax.Array, jax.Array], jax.Array]  # (x, t, d, y) -> v
Mode = Literal["unconditional", "conditional", "guided"]


def mode_of(guidance: float) -> Mode:
    """0 needs the null label only, 1 the asked label only, any other scale both."""
    return {0: "unconditional", 1: "conditional"}.get(guidance, "guided")


def guided(velocity: Velocity, mode: Mode, guidance: jax.Array | float, null: int) -> Velocity:
    """`velocity` under guidance scale w: v_null + w·(v_y − v_null), combined in float32 (also under bfloat16)."""

    def apply(x, t, d, y):
        if mode == "conditional":
            return velocity(x, t, d, y).astype(jnp.float32)
        nulls = jnp.full_like(y, null)
        if mode == "unconditional":
            return velocity(x, t, d, nulls).astype(jnp.float32)
        both = velocity(jnp.concatenate([x, x]), t, d, jnp.concatenate([y, nulls])).astype(jnp.float32)
        v_y, v_null = jnp.split(both, 2)
        return v_null + guidance * (v_y - v_null)

    return apply
