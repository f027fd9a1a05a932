"""Consistency sampling (SPEC 4.7)."""

import jax.numpy as jnp
import numpy as np
from conftest import case_of, relative_error

import odelt
from odelt.sampling import consistency


def test_it_is_sms(baselines, baseline_models):
    case = case_of(baselines, "sampling")

    def velocity(x, t):
        return odelt.velocity(baseline_models["ema"], x, t[0], 0, baselines["y"])

    made, steps = consistency.integrate(velocity, jnp.asarray(case["x0"]), jnp.asarray(case["noise"]))
    assert relative_error(made, case["T=4"]) < 1e-5 and steps == 4


def test_the_last_step_adds_no_noise():
    x0, noise = jnp.ones((1, 2, 2, 1)), jnp.full((1, 1, 2, 2, 1), 9.0)
    assert np.array_equal(consistency.integrate(lambda x, t: 2 * x, x0, noise)[0], 3 * x0)


def test_noise_depends_on_seed_sample_and_step_only():
    both = consistency.fresh_noise(3, np.array([0, 5]), 4, (2, 2, 1))
    assert both.shape == (4, 2, 2, 2, 1)
    assert np.array_equal(both[:2, 1:], consistency.fresh_noise(3, np.array([5]), 2, (2, 2, 1)))
    assert len(np.unique(both)) == both.size
    assert not np.array_equal(both, consistency.fresh_noise(4, np.array([0, 5]), 4, (2, 2, 1)))
