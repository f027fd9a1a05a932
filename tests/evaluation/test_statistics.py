"""Mean and covariance batch by batch are numpy's of everything at once."""

import numpy as np
import pytest

from odelt import OdeltError
from odelt.evaluation import frechet
from odelt.evaluation.statistics import Running


@pytest.fixture
def rows():
    """Features far from zero, where a naive sum of squares would lose its digits; float32 as networks give them."""
    return (np.random.default_rng(0).normal(size=(257, 20)) * np.logspace(-2, 1, 20) + 1000).astype(np.float32)


def running(rows, *cuts):
    made = Running()
    for batch in np.split(rows.astype(np.float64), cuts):
        made.update(batch)
    return made


@pytest.mark.parametrize("cuts", [(), (1,), (1, 1, 2, 100), (64, 128, 192, 256)])
def test_batches_of_any_size_give_numpys_mean_and_covariance(rows, cuts):
    found, expected = running(rows, *cuts).gaussian(), frechet.gaussian(rows)
    np.testing.assert_allclose(found.mean, expected.mean, rtol=1e-12)
    scale = np.sqrt(np.outer(np.diag(expected.covariance), np.diag(expected.covariance)))
    assert np.abs((found.covariance - expected.covariance) / scale).max() < 1e-10
    assert found.covariance.dtype == np.float64


def test_two_sets_merge_into_the_set_of_both(rows):
    first, second = running(rows[:100], 30), running(rows[100:])
    first.merge(second)
    first.merge(Running())
    assert first.count == 257 and second.count == 157
    np.testing.assert_allclose(first.gaussian().covariance, running(rows).gaussian().covariance, rtol=1e-9, atol=1e-12)


def test_merging_into_nothing_copies(rows):
    made, other = Running(), running(rows[:100])
    made.merge(other)
    before = other.gaussian()
    made.update(rows[100:].astype(np.float64))
    assert made.count == 257 and np.array_equal(other.gaussian().covariance, before.covariance)


def test_a_gaussian_is_not_touched_by_later_batches(rows):
    made = running(rows[:50])
    before = made.gaussian()
    kept = before.mean.copy(), before.covariance.copy()
    made.update(rows[50:].astype(np.float64))
    assert np.array_equal(before.mean, kept[0]) and np.array_equal(before.covariance, kept[1])


@pytest.mark.parametrize("count", [0, 1])
def test_fewer_than_two_rows_have_no_covariance(rows, count):
    with pytest.raises(OdeltError, match=f"at least two images, and there are {count}"):
        running(rows[:count]).gaussian()


def test_one_root_serves_all_references():
    rng = np.random.default_rng(0)
    a, b, c = (frechet.gaussian(rng.normal(i, i + 1, (40, 8))) for i in range(3))
    assert frechet.distances(a, {"b": b, "c": c}) == {"b": frechet.distance(a, b), "c": frechet.distance(a, c)}
