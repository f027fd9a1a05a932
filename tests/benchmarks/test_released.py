"""The baseline computes what the package computes, so that the ratio of their times compares equals."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import relative_error, small_training, without_zeros
from measured import ROOT  # noqa: F401  the benchmarks' folder is on the path from here on

import odelt
from odelt.config import Network, Solver
from odelt.model import Model, runs
from odelt.model.weights import flatten, initial_weights
from odelt.training.step import initial_state, make_step


@pytest.fixture(scope="module")
def released():
    import released

    return released


AS_B = Network(width=16, heads=2, depth=4, group=2, min_length=2, channels=1, classes=10, image=(4, 4))
WITH_DEAD_BLOCKS = AS_B.model_copy(update={"depth": 5, "min_length": 3})  # as XL


@pytest.mark.parametrize(
    "network, changes",
    [
        pytest.param(AS_B, {"images": "shared"}, marks=pytest.mark.slow),
        (AS_B, {"bootstrap": "guided", "guidance": 1.5}),
        pytest.param(WITH_DEAD_BLOCKS, {}, marks=pytest.mark.slow),
    ],
)
def test_a_training_step_has_the_packages_loss_and_gradient(released, network, changes):
    training = small_training(length_draw="independent", **changes)
    count = training.images_per_step
    x1, y = jax.random.normal(jax.random.key(2), (count, 4, 4, 1)), jnp.arange(count) % 10
    ours = initial_state(runs.split(without_zeros(initial_weights(network, 0, length_table=True)), network), training)
    theirs = initial_state(released.unstacked(without_zeros(initial_weights(network, 0, length_table=True))), training)
    ours, metrics = make_step(network, training, inner_ode=True)(ours, x1, y, jax.random.key(3))
    theirs, told = released.make_step(network, training)(theirs, x1, y, jax.random.key(3))
    assert float(told["loss"]) == pytest.approx(float(metrics["loss"]), rel=1e-5)
    # The first moment after the first step is the gradient, but for a factor.
    gradient = flatten(released.unstacked(runs.join(ours.optimiser[0].mu)))
    found = flatten(theirs.optimiser[0].mu)
    stacked, single = (_vector(tree) for tree in (gradient, found))
    assert relative_error(single, stacked) < 1e-5


def _vector(tree: dict) -> np.ndarray:
    return np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(tree)])


@pytest.mark.parametrize("network", [AS_B, WITH_DEAD_BLOCKS])
@pytest.mark.parametrize("place, guidance", [(None, 0.0), (0, 1.5), (-1, 1.0)])
def test_samples_are_the_packages(released, network, place, guidance):
    length = None if place is None else network.lengths[place]
    weights = without_zeros(initial_weights(network, 0, length_table=True))
    x0, y = jax.random.normal(jax.random.key(4), (6, 4, 4, 1)), np.arange(6, dtype=np.int32)
    ours = odelt.integrate(Model(network, weights), x0, y, "euler:4", length, guidance)
    theirs = released.Sampler(
        network, released.unstacked(weights), length, Solver.parse("euler:4"), guidance, "float32", 6
    )
    assert relative_error(theirs(x0, y), ours) < 1e-5


def test_bfloat16_is_as_far_from_float32_as_the_packages(released):
    """Both round in the places of SPEC 2: neither error is much larger than the other."""
    network = AS_B
    weights = without_zeros(initial_weights(network, 0, length_table=True))
    x, y = jax.random.normal(jax.random.key(5), (6, 4, 4, 1)), np.arange(6, dtype=np.int32)
    t, d = jnp.full(6, 0.5), jnp.full(6, 7.0)
    length = network.lengths[-1]
    exact = odelt.velocity(Model(network, weights), x, t, d, y, length)
    ours = odelt.velocity(Model(network, weights, "bfloat16"), x, t, d, y, length)
    theirs = released.velocity(released.unstacked(weights), x, t, d, y, length, network=network, dtype="bfloat16")
    errors = [relative_error(np.asarray(v, np.float32), exact) for v in (ours, theirs)]
    assert 0.5 < errors[0] / errors[1] < 2
