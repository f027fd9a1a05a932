"""Fréchet distance, features, agreement, latency."""

import os

import numpy as np
import pytest
import scipy.linalg

import odelt
from odelt.config import FeatureNetwork, Latency, Solver
from odelt.evaluation import features, frechet, latency, scores
from odelt.kinds import digits


@pytest.fixture(scope="module")
def real():
    return digits.load()


@pytest.fixture(scope="module")
def network(real):
    return features.fit(real, FeatureNetwork(hidden=32, epochs=20))


def test_frechet_distance_is_the_textbook_formula():
    rng = np.random.default_rng(0)
    a, b = (frechet.gaussian(rng.normal(m, s, (500, 6))) for m, s in ((0, 1), (1, 2)))
    root = scipy.linalg.sqrtm(a.covariance @ b.covariance).real
    expected = ((a.mean - b.mean) ** 2).sum() + np.trace(a.covariance + b.covariance - 2 * root)
    assert frechet.distance(a, b) == pytest.approx(expected)
    assert frechet.distance(a, b) == pytest.approx(frechet.distance(b, a))


def test_frechet_distance_of_known_gaussians():
    a = frechet.Gaussian(np.zeros(3), np.eye(3))
    b = frechet.Gaussian(np.array([1.0, 2.0, 0.0]), 4 * np.eye(3))
    assert frechet.distance(a, b) == pytest.approx(5 + 3 * (1 - 2) ** 2)
    assert frechet.distance(a, a) == pytest.approx(0, abs=1e-9)


def test_frechet_distance_takes_singular_covariances():
    a, b = (frechet.Gaussian(np.zeros(2), np.diag(d)) for d in ([1.0, 0.0], [4.0, 0.0]))
    assert frechet.distance(a, b) == pytest.approx(1)


def test_features_are_the_hidden_layer_and_deterministic(real, network):
    again = features.fit(real, FeatureNetwork(hidden=32, epochs=20))
    assert all(np.array_equal(network[name], again[name]) for name in network)
    found = features.features(network, real.images[:7])
    assert found.shape == (7, 32) and found.dtype == np.float32 and found.min() == 0
    beyond = features.features(network, np.where(real.images[:7] > 0, 5, real.images[:7]))
    assert np.array_equal(beyond, features.features(network, np.where(real.images[:7] > 0, 1, real.images[:7])))


def test_the_feature_network_comes_back_from_disk(network, tmp_path):
    features.save(tmp_path / "n.safetensors", network)
    assert all(np.array_equal(features.load(tmp_path / "n.safetensors")[k], network[k]) for k in network)
    (tmp_path / "n.safetensors").write_bytes(b"nonsense")
    with pytest.raises(odelt.OdeltError, match="is no feature network"):
        features.load(tmp_path / "n.safetensors")


def test_noise_is_far_from_the_real_images_and_halves_of_them_are_near(real, network):
    real_features = features.features(network, real.images)
    noise = np.random.default_rng(0).standard_normal(real.images.shape).astype(np.float32)
    far = scores.Scorer(real, real_features).score(noise, real.labels, features.features(network, noise))
    assert far["frechet_distance"] > 20 * scores.floor(real_features, 0) > 0
    assert far["agreement"] < 0.3


def test_real_images_agree_with_their_own_labels_and_not_with_others(real):
    scorer = scores.Scorer(real, np.eye(4))
    assert scorer.agreement(real.images, real.labels) > 0.99
    assert scorer.agreement(real.images, (real.labels + 1) % 10) < 0.01


def test_latency_reports_every_setting(imported):
    model = odelt.load_model(imported / "odelt", "raw", length=4)
    settings = [
        latency.Setting(Solver.parse("euler:1"), 1.0, None),
        latency.Setting(Solver.parse("euler:64"), 1.0, None),
        latency.Setting(Solver.parse("dopri5:1e-2"), 1.0, 7),
        latency.Setting(Solver.parse("dopri5:1e-2:joint256"), 1.0, 7),
    ]
    one, many, adaptive, joint = latency.measure(model, 4, settings, Latency(batch_size=70, repeats=3))
    for timed in (one, many, adaptive, joint):
        assert 0 < timed["seconds"]["q1"] <= timed["seconds"]["median"] <= timed["seconds"]["q3"]
        assert timed["peak_bytes"] > 70 * 8 * 8 * 4 * 4 and timed["compile_s"] > 0
    assert one["peak_bytes"] == many["peak_bytes"] and one["compile_s"] == many["compile_s"]  # one program for all T
    assert [one["evaluations"], many["evaluations"]] == [1, 64] and adaptive["evaluations"] > 9
    assert joint["evaluations"] % 6 == 1  # all rows take the same steps


def test_a_named_pipe_is_no_feature_network(tmp_path):
    os.mkfifo(tmp_path / "network.safetensors")
    with pytest.raises(odelt.OdeltError, match="network.safetensors is a named pipe"):
        features.load(tmp_path / "network.safetensors")
