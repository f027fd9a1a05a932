"""Lengths drawn for the rows of a batch (SPEC 4.3)."""

import jax
import numpy as np
import pytest

from odelt.objectives import lengths


@pytest.mark.parametrize("mode", ["stratified", "independent"])
@pytest.mark.parametrize("count", [16, 32])
def test_every_length_has_the_same_expected_share(small_network, mode, count):
    drawn = jax.vmap(lambda key: lengths.draw(key, count, small_network, mode))(
        jax.random.split(jax.random.key(0), 3000)
    )
    for length in small_network.lengths:
        assert np.mean(drawn == length) == pytest.approx(1 / 3, abs=0.01)


def test_stratified_lengths_come_longest_first_in_nearly_equal_numbers(small_network):
    for seed in range(50):
        drawn = np.asarray(lengths.draw(jax.random.key(seed), 16, small_network, "stratified"))
        assert np.all(np.diff(drawn) <= 0)
        assert set(np.bincount(drawn, minlength=7)[[2, 4, 6]]) <= {5, 6}


def test_no_row_that_acts_is_left_out(small_network):
    for count in (16, 17, 31, 128):
        active = lengths.active_rows(count, small_network, "stratified")
        for seed in range(50):
            drawn = np.asarray(lengths.draw(jax.random.key(seed), count, small_network, "stratified"))
            for group, rows in enumerate(active):
                assert np.sum(drawn >= (group + 1) * small_network.group) <= rows


def test_a_third_of_the_work_is_saved(small_network):
    stratified, independent = (sum(lengths.active_rows(96, small_network, m)) for m in ("stratified", "independent"))
    assert stratified / independent == pytest.approx(2 / 3)
