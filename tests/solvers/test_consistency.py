"""Consistency sampling (SPEC 4.7)."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest
from conftest import case_of, relative_error

import odelt
from odelt.config import Solver
from odelt.objectives import OBJECTIVES
from odelt.sampling import generate
from odelt.sampling.noise import fresh_noise, noise_and_labels
from odelt.solvers import SOLVERS

SHAPE = (2, 2, 1)


@pytest.fixture(scope="module")
def model(baseline_models):
    return dataclasses.replace(baseline_models["ema"], objective=OBJECTIVES["consistency-training"])


def test_it_is_sms(model, baselines):
    case = case_of(baselines, "sampling")
    made = odelt.integrate(model, case["x0"], baselines["y"], solver="consistency:4", noise=case["noise"])
    assert relative_error(made, case["T=4"]) < 1e-5


def test_the_last_step_adds_no_noise():
    x0, noise = jnp.ones((1, *SHAPE)), jnp.full((1, 1, *SHAPE), 9.0)
    assert np.array_equal(SOLVERS["consistency"].integrate(lambda x, t: 2 * x, x0, jnp.asarray(1), noise)[0], 3 * x0)


def test_noise_depends_on_seed_sample_and_step_only():
    both = fresh_noise(3, np.array([0, 5]), SHAPE, 10, 4)
    assert both.shape == (2, 4, *SHAPE)
    assert np.array_equal(both[1:, :2], fresh_noise(3, [5], SHAPE, 10, 2))
    assert not np.array_equal(both, fresh_noise(4, [0, 5], SHAPE, 10, 4))


def test_no_noise_is_drawn_twice():
    first, _ = noise_and_labels(3, [0, 5], SHAPE, 10)
    assert len(np.unique(np.concatenate([first[:, None], fresh_noise(3, [0, 5], SHAPE, 10, 4)], axis=1))) == 2 * 5 * 4


def test_a_sample_does_not_depend_on_its_batch(model):
    settings = {"seed": 3, "solver": Solver.parse("consistency:3"), "length": None, "guidance": 1.0}
    reference = generate(model, count=10, **settings)
    for batch_size in (1, 7):
        other = generate(model, count=10, batch_size=batch_size, **settings)
        assert np.abs(other.samples - reference.samples).max() < 1e-5 * np.ptp(reference.samples)
    assert reference.evaluations.tolist() == [3] * 10


def test_integrate_draws_the_noise_of_the_samples_with_this_seed(model):
    config = model.config
    x0, y = noise_and_labels(3, range(5), (*config.image, config.channels), config.classes)
    made = odelt.integrate(model, x0, y, solver="consistency:3", seed=3)
    solver = Solver.parse("consistency:3")
    samples = generate(model, count=5, seed=3, solver=solver, length=None, guidance=1.0).samples
    assert relative_error(made, samples) < 1e-5 < 1e-2 < relative_error(odelt.integrate(model, x0, y, solver), samples)


@pytest.mark.parametrize(
    "solver, more, message",
    [
        ("consistency:2", {"noise": np.zeros((3, 1, 4, 4, 1))}, r"noise has shape \[3, 1, 4, 4, 1\]: \[2, "),
        ("consistency:2", {"noise": "loud"}, "noise: numbers are needed"),
        ("consistency:2", {"seed": -1}, "seed -1: a whole number of at least 0"),
        ("consistency:2", {"d": 3}, "'consistency-training' never saw a step size; leave d out"),
        ("euler:2", {}, "'euler:2' makes no sense for the objective 'consistency-training'; use consistency:T"),
        ("consistency:2:joint4", {}, "its steps are fixed, so nothing is controlled jointly"),
        ("consistency:0", {}, "T is a whole number from 1"),
    ],
)
def test_what_makes_no_sense_is_refused(model, baselines, solver, more, message):
    with pytest.raises(odelt.OdeltError, match=message):
        odelt.integrate(model, case_of(baselines, "sampling")["x0"], baselines["y"], solver, **more)


@pytest.mark.parametrize("solver", ["euler:2", "dopri5:1e-2"])
def test_other_solvers_take_no_noise(baseline_models, baselines, solver):
    x0 = case_of(baselines, "sampling")["x0"]
    with pytest.raises(odelt.OdeltError, match=f"noise: solver '{solver}' takes none"):
        odelt.integrate(baseline_models["ema"], x0, baselines["y"], solver, noise=x0[None])


@pytest.mark.parametrize("objective", ["shortcut", "naive", "live-reflow"])
def test_networks_that_learn_an_ode_have_none(baseline_models, baselines, objective):
    other = dataclasses.replace(baseline_models["ema"], objective=OBJECTIVES[objective])
    with pytest.raises(odelt.OdeltError, match=f"makes no sense for the objective '{objective}', which learns an ODE"):
        odelt.integrate(other, case_of(baselines, "sampling")["x0"], baselines["y"], "consistency:4")
