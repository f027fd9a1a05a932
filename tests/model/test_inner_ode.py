"""Dead blocks (SPEC 3): where G does not divide L, the last blocks never act in the inner ODE, and do without it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import without_zeros

import odelt
from odelt.config import Network
from odelt.model import runs
from odelt.model.dit import graphs
from odelt.model.inner_ode import forward
from odelt.model.weights import Model, initial_weights

NETWORK = Network(width=16, heads=2, depth=7, group=3, min_length=4, channels=1, classes=3, image=(4, 4))


@pytest.fixture(scope="module")
def model():
    return Model(NETWORK, without_zeros(initial_weights(NETWORK, seed=0, length_table=True)))


@pytest.fixture(scope="module")
def x():
    return jax.random.normal(jax.random.key(2), (4, 4, 4, 1))


def with_block_changed(model, index):
    changed = jax.tree.map(lambda w: w.at[index].add(1), model.weights["blocks"])
    return Model(model.config, {**model.weights, "blocks": changed})


@pytest.mark.parametrize("length, acting", [(4, 3), (7, 6), (None, 7)])
def test_only_the_blocks_that_act_matter(model, x, length, acting):
    velocity = odelt.velocity(model, x, 0.5, 3, 1, length)
    for block in range(7):
        other = odelt.velocity(with_block_changed(model, block), x, 0.5, 3, 1, length)
        assert np.array_equal(velocity, other) == (block >= acting), block


def test_a_length_per_row_equals_one_length_for_all(model, x):
    mixed = odelt.velocity(model, x, 0.5, 3, 1, np.array([4, 7, 4, 7]))
    for length, rows in ((4, slice(0, None, 2)), (7, slice(1, None, 2))):
        assert np.allclose(mixed[rows], odelt.velocity(model, x, 0.5, 3, 1, length)[rows], atol=1e-5)


def test_dead_blocks_get_no_gradient(model, x):
    def loss(weights):
        t, d, y = jnp.full(4, 0.5), jnp.full(4, 3.0), jnp.ones(4, int)
        lengths = jnp.array([7, 7, 4, 4])
        return jnp.sum(
            forward(
                graphs(NETWORK, length_table=True),
                weights,
                x,
                t,
                d,
                y,
                lengths,
                group=3,
                active_rows=[4, 2],
            )
            ** 2
        )

    gradient = runs.join(jax.grad(loss)(runs.split(model.weights, NETWORK)))["blocks"]["mlp_out"]["kernel"]
    assert np.any(gradient[5]) and not np.any(gradient[6])


@pytest.mark.parametrize(
    "network, inner_ode, expected",
    [
        ({}, True, (1,) * 7),
        ({"depth": 28, "group": 8, "min_length": 12}, True, (8, 8, 8, 4)),  # XL: rows leave after 8 and 16
        ({"depth": 28, "group": 8, "min_length": 12}, False, (28,)),
        ({"depth": 24, "group": 4, "min_length": 16}, True, (16, 4, 4)),
    ],
)
def test_a_deep_network_lies_in_one_run_from_where_rows_leave_to_where_the_next_do(network, inner_ode, expected):
    network = NETWORK.model_copy(update=network)
    assert runs.sizes(network, inner_ode) == expected
    weights = initial_weights(network, 0, length_table=inner_ode)
    lying = runs.split(weights, network)
    assert tuple(map(runs.size, lying["blocks"])) == expected
    assert all(jax.tree.leaves(jax.tree.map(np.array_equal, runs.join(lying), weights)))


@pytest.mark.slow
@pytest.mark.cpu_memory
def test_the_backward_pass_of_a_deep_network_keeps_products_only(monkeypatch):
    network = NETWORK.model_copy(update={"depth": 12, "group": 3})
    weights = initial_weights(network, 0, length_table=True)
    x, ones = jnp.ones((64, 8, 8, network.channels)), jnp.ones(64)

    def temporary_bytes() -> int:
        """Of a gradient, the blocks one by one or, in a deep network, in a loop."""
        lying = runs.split(weights, network)
        structure = graphs(network, length_table=True)

        def loss(weights):
            v = forward(structure, weights, x, ones, ones, jnp.zeros(64, int), network.lengths[-1], group=3)
            return jnp.mean(v**2)

        return jax.jit(jax.grad(loss)).lower(lying).compile().memory_analysis().temp_size_in_bytes

    one_by_one = temporary_bytes()
    monkeypatch.setattr(runs, "SHALLOW", 0)
    assert temporary_bytes() < 0.6 * one_by_one
