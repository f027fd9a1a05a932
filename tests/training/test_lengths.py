"""Lengths drawn for the rows of a batch (SPEC 4.3)."""

import jax
import numpy as np
import pytest

from odelt.training import lengths


@pytest.fixture(scope="module")
def network(small_network):
    return small_network.model_copy(update={"depth": 6})  # lengths 2, 4, 6


@pytest.mark.parametrize("stratified", [True, False])
@pytest.mark.parametrize("count", [16, 32])
def test_every_length_has_the_same_expected_share(network, stratified, count):
    keys = jax.random.split(jax.random.key(0), 3000)
    drawn = jax.vmap(lambda key: lengths.draw(key, count, network, stratified=stratified))(keys)
    for length in network.lengths:
        assert np.mean(drawn == length) == pytest.approx(1 / len(network.lengths), abs=0.01)


def test_stratified_lengths_come_longest_first_in_nearly_equal_numbers(network):
    for seed in range(50):
        drawn = np.asarray(lengths.draw(jax.random.key(seed), 16, network, stratified=True))
        assert np.all(np.diff(drawn) <= 0)
        assert set(np.bincount(drawn, minlength=7)[[2, 4, 6]]) <= {5, 6}


def test_no_row_that_acts_is_left_out(network):
    for count in (16, 17, 31, 128):
        active = lengths.active_rows(count, network, stratified=True)
        for seed in range(50):
            drawn = np.asarray(lengths.draw(jax.random.key(seed), count, network, stratified=True))
            for group, rows in enumerate(active):
                assert np.sum(drawn >= (group + 1) * network.group) <= rows


def test_a_third_of_the_work_is_saved(network):
    stratified, independent = (sum(lengths.active_rows(96, network, stratified=s)) for s in (True, False))
    assert stratified / independent == pytest.approx(2 / 3)
