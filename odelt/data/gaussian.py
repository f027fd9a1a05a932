"""Latents drawn from stored moments (SPEC 7): afresh at every use, in the training step."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Key

SCALE = 0.18215  # of stabilityai/sd-vae-ft-mse
LOG_VARIANCE = (-30.0, 20.0)  # where diffusers' DiagonalGaussianDistribution clamps it


def sample_latents(
    key: Key[jax.Array, ""], moments: Float[jax.Array | np.ndarray, "batch height width moments"], scale: float = SCALE
) -> Float[jax.Array, "batch height width channels"]:
    """(μ + exp(½ log σ²)·ε)·scale with ε ~ N(0, I), from moments: μ, then log σ²."""
    mean, log_variance = jnp.split(moments, 2, axis=-1)
    deviation = jnp.exp(0.5 * jnp.clip(log_variance, *LOG_VARIANCE))
    return (mean + deviation * jax.random.normal(key, mean.shape, mean.dtype)) * scale
