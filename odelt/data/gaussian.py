"""Gaussian noise, and latents drawn from stored moments (SPEC 7): afresh at every use, in the training step."""

import math

import jax
import jax.numpy as jnp

SCALE = 0.18215  # of stabilityai/sd-vae-ft-mse
LOG_VARIANCE = (-30.0, 20.0)  # where diffusers' DiagonalGaussianDistribution clamps it


def noise(key: jax.Array, shape: tuple[int, ...], dtype=jnp.float32) -> jax.Array:
    """The numbers of `jax.random.normal`, drawn as a matrix [N, …]: XLA compiles that several times sooner on a CPU."""
    return jax.random.normal(key, (shape[0], math.prod(shape[1:])), dtype).reshape(shape)


def sample_latents(key: jax.Array, moments: jax.Array, scale: float = SCALE) -> jax.Array:
    """(μ + exp(½ log σ²)·ε)·scale with ε ~ N(0, I), [N, h, w, c], from moments [N, h, w, 2c]: μ, then log σ²."""
    mean, log_variance = jnp.split(moments, 2, axis=-1)
    deviation = jnp.exp(0.5 * jnp.clip(log_variance, *LOG_VARIANCE))
    return (mean + deviation * noise(key, mean.shape, mean.dtype)) * scale
