"""Flow-matching rows (SPEC 4.1) and the plain objectives (SPEC 4.5)."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import small_training

from odelt.objectives import flow_matching

NULL = 10
COUNT = 4096


def rows_of(**changes):
    x1 = jax.random.normal(jax.random.key(1), (COUNT, 2, 2, 1)) + 3
    y = jnp.arange(COUNT) % NULL
    training = small_training(**changes)
    rows, x0 = flow_matching.rows(jax.random.key(0), x1, y, training.objective.flow, training, NULL)
    return rows, x0, x1, rows.t[:, None, None, None]


def test_shortcut_regresses_data_minus_noise_at_the_finest_condition():
    rows, x0, x1, t = rows_of()
    assert np.allclose(rows.x, (1 - t) * x0 + t * x1)
    assert np.array_equal(rows.target, x1 - x0)
    assert np.all(rows.d == 7)


def test_shortcut_times_are_uniform_on_the_grid_of_128_below_one():
    t = rows_of()[0].t
    assert np.array_equal(t * 128, np.floor(t * 128))
    assert t.min() == 0 and t.max() == 127 / 128
    assert t.mean() == pytest.approx(127 / 256, abs=0.02)


@pytest.mark.parametrize("probability, share", [(0.0, 0.0), (0.1, 0.1), (1.0, 1.0)])
def test_labels_are_dropped_with_their_probability(probability, share):
    y = rows_of(class_dropout=probability)[0].y
    assert np.mean(y == NULL) == pytest.approx(share, abs=0.02)


def test_naive_keeps_a_little_noise():
    rows, x0, x1, t = rows_of(objective="naive")
    assert np.allclose(rows.x, (1 - (1 - 1e-5) * t) * x0 + t * x1)
    assert np.allclose(rows.target, x1 - (1 - 1e-5) * x0)
    assert np.all(rows.d == 0) and rows.t.max() == 127 / 128


def test_fm_is_lipmans_path():
    rows, x0, x1, t = rows_of(objective="fm", time="continuous")
    spread = 1 - 0.99 * t
    assert np.allclose(rows.x, t * x1 + spread * x0, atol=1e-6)
    assert np.allclose(rows.target, (x1 - 0.99 * rows.x) / spread, atol=1e-4)
    assert np.allclose(rows.target, x1 - 0.99 * x0, atol=2e-3)  # the same, without the division


def test_icfm_adds_independent_noise_or_as_released_the_same():
    rows, x0, x1, t = rows_of(objective="icfm")
    epsilon = (rows.x - (1 - t) * x0 - t * x1) / 0.01
    assert np.std(epsilon) == pytest.approx(1, abs=0.02)
    assert abs(np.corrcoef(epsilon.ravel(), x0.ravel())[0, 1]) < 0.03
    assert np.array_equal(rows.target, x1 - x0)
    rows, x0, x1, t = rows_of(objective="icfm", icfm_noise="released")
    assert np.allclose(rows.x, (1 - t) * x0 + t * x1 + 0.01 * x0, atol=1e-6)


def test_rfm_is_the_straight_path():
    rows, x0, x1, t = rows_of(objective="rfm")
    assert np.allclose(rows.x, (1 - t) * x0 + t * x1)
    assert np.array_equal(rows.target, x1 - x0)


def test_discrete_time_includes_one_with_half_weight_at_both_ends():
    t = rows_of(objective="rfm", time="discrete")[0].t
    counts = np.bincount((t * 128).astype(int), minlength=129)
    assert np.array_equal(t * 128, np.round(t * 128)) and t.max() == 1
    assert counts[[0, -1]].mean() == pytest.approx(COUNT / 256, rel=0.5)
    assert len(np.unique(rows_of(objective="rfm", time="continuous")[0].t * 128 % 1)) > COUNT / 2
