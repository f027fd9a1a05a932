"""Noise, and latents drawn from moments; the latents' mean and variance are in tests/vision."""

import jax
import pytest

from odelt.data.gaussian import noise


@pytest.mark.parametrize("shape", [(5, 4, 4, 3), (3, 2), (2,), (0, 8, 8, 1)])
def test_noise_is_that_of_jax_random_normal(shape):
    key = jax.random.key(7)
    assert (noise(key, shape) == jax.random.normal(key, shape)).all()
