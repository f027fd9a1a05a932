"""The standard error of a Fréchet distance, against brute force."""

import numpy as np
import pytest
import scipy.linalg

from odelt.evaluation import fid, frechet
from odelt.evaluation.frechet import Gaussian

REAL = Gaussian(np.zeros(6), np.diag(1 / np.arange(1, 7)))


def estimate(features, kept=None, real=REAL):
    made = frechet.gaussian(features)
    return frechet.estimates(made, len(features), features if kept is None else kept, {"real": real})["real"]


def sets(draw, count, seed=0):
    """Distances and standard errors of so many independent sample sets."""
    rng = np.random.default_rng(seed)
    return np.array([estimate(draw(rng)) for _ in range(count)]).T


def gaussian(rng, images=300):
    return 0.3 + 1.4 * rng.standard_normal((images, 6)) @ np.diag(np.arange(1, 7) ** -0.4)


def skewed(rng, images=300):
    return rng.exponential(size=(images, 6)) * rng.exponential(size=(images, 1))


@pytest.mark.parametrize("draw", [gaussian, skewed], ids=["Gaussian", "skewed"])
def test_it_is_the_deviation_over_independent_sample_sets(draw):
    distances, errors = sets(draw, 400)
    scatter = distances.std(ddof=1)  # of 400 sets: known to about 1/√800 = 3.5 %
    assert np.sqrt((errors**2).mean()) == pytest.approx(scatter, rel=0.12)


def test_two_errors_to_either_side_cover_the_mean_distance_in_95_of_100_sets():
    distances, errors = sets(gaussian, 400)
    covered = np.mean(abs(distances - distances.mean()) <= 2 * errors)
    assert covered == pytest.approx(0.9545, abs=3 * np.sqrt(0.9545 * 0.0455 / 400))  # three deviations of that share


def test_it_does_not_hold_the_upward_bias_of_few_samples():
    true = frechet.distance(Gaussian(np.full(6, 0.3), 1.4**2 * np.diag(np.arange(1, 7) ** -0.8)), REAL)
    few, many = (sets(lambda rng, n=n: gaussian(rng, n), 200)[0].mean() - true for n in (30, 300))
    assert few > 5 * many > 0


def test_it_is_the_jackknifes_that_leaves_out_one_image_at_a_time():
    features = gaussian(np.random.default_rng(1), 400)
    without = [frechet.distance(frechet.gaussian(np.delete(features, k, axis=0)), REAL) for k in range(400)]
    jackknife = np.sqrt(399 * np.var(without))
    assert estimate(features).error == pytest.approx(jackknife, rel=0.03)


def test_it_is_the_bootstraps():
    features = skewed(np.random.default_rng(2))
    rng = np.random.default_rng(3)
    again = [frechet.distance(frechet.gaussian(features[rng.integers(300, size=300)]), REAL) for _ in range(500)]
    assert estimate(features).error == pytest.approx(np.std(again), rel=0.1)


def test_its_influence_is_the_formula_with_the_optimal_map():
    features = skewed(np.random.default_rng(4), 50)
    made = frechet.gaussian(features)
    root = scipy.linalg.sqrtm(made.covariance).real
    inverse = np.linalg.inv(root)
    optimal = inverse @ scipy.linalg.sqrtm(root @ REAL.covariance @ root).real @ inverse
    centred = features - made.mean
    influence = 2 * centred @ (made.mean - REAL.mean)
    influence += np.einsum("ki,ij,kj->k", centred, np.eye(6) - optimal, centred)
    assert estimate(features).error == pytest.approx(influence.std(ddof=1) / np.sqrt(50))


def test_the_distance_beside_it_is_the_distance():
    features = gaussian(np.random.default_rng(5))
    assert estimate(features).distance == pytest.approx(frechet.distance(frechet.gaussian(features), REAL))


def test_the_features_of_some_images_do_for_all():
    features = gaussian(np.random.default_rng(6), 4000)
    assert estimate(features, kept=features[:1000]).error == pytest.approx(estimate(features).error, rel=0.1)


def test_fewer_images_than_features_and_a_dead_feature_have_an_error_too():
    """The covariance is singular then; images scatter in its range alone."""
    wide = Gaussian(np.zeros(40), np.eye(40))
    rng = np.random.default_rng(7)
    drawn = [rng.standard_normal((20, 40)) * np.linspace(0, 2, 40) for _ in range(100)]
    found = np.array([estimate(features, real=wide) for features in drawn])
    assert np.sqrt((found[:, 1] ** 2).mean()) == pytest.approx(found[:, 0].std(ddof=1), rel=0.25)


def test_a_score_has_the_error_of_each_distance_under_its_name(tmp_path, monkeypatch):
    monkeypatch.setattr(fid, "FEATURES", 6)
    rng = np.random.default_rng(8)
    legacy, clean = gaussian(rng), skewed(rng)
    described = {"count": 300, "evaluations": 4.0, "features_legacy": legacy[:200], "features_clean": clean[:200]}
    for protocol, features in (("legacy", legacy), ("clean", clean)):
        moments = frechet.gaussian(features)
        described |= {f"mu_{protocol}": moments.mean, f"sigma_{protocol}": moments.covariance}
    of_real = {
        f"{name}_{p}": array for p in ("legacy", "clean") for name, array in zip(("mu", "sigma"), REAL, strict=True)
    }
    fid.save(tmp_path / "made.npz", described)
    fid.save(tmp_path / "real.npz", of_real)
    np.savez(tmp_path / "ours.npz", mu=REAL.mean + 1, sigma=REAL.covariance)
    errors = fid.score(tmp_path / "made.npz", tmp_path / "real.npz", {"ours": tmp_path / "ours.npz"})["standard_error"]
    far = Gaussian(REAL.mean + 1, REAL.covariance)
    expected = {"ours": estimate(legacy, legacy[:200], far).error, "recomputed": estimate(legacy, legacy[:200]).error}
    assert errors["fid"] == pytest.approx(expected) and errors["frechet_distance"] == errors["fid"]["ours"]
    assert errors["fid_clean"] == pytest.approx(estimate(clean, clean[:200]).error)


def test_where_both_distributions_are_the_same_it_is_too_wide_and_not_too_narrow():
    """The first order, which it is of, vanishes there."""
    distances, errors = sets(lambda rng: rng.multivariate_normal(*REAL, size=300), 200)
    assert distances.std(ddof=1) < errors.mean() < 2 * distances.std(ddof=1)
