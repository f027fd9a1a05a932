"""Fréchet distance, features, agreement, latency."""

import os

import numpy as np
import pytest
import scipy.linalg

import odelt
from odelt.config import FeatureNetwork, Latency, Network
from odelt.evaluation import evaluations, features, frechet, latency, scores
from odelt.kinds import digits
from odelt.layout.grid import ProgramKey


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


NETWORK = Network(width=16, heads=2, depth=4, group=2, min_length=2, channels=1, classes=3, image=(8, 8))


def test_latency_reports_every_program_with_random_weights():
    texts = ("4,euler:1", "4,euler:64", "4,dopri5:1e-3", "4,dopri5:1e-3:joint256", "full,euler:1,guided")
    texts += ("full,consistency:4",)  # with which networks of the default objective are not sampled
    programs = [ProgramKey.parse(text) for text in texts]
    timed = latency.measure(NETWORK, programs, Latency(batch_size=70, repeats=3, seconds=0), "float32")
    assert timed["device"] == latency.device_name() and timed["load"] >= 0
    one, many, adaptive, joint, guided, consistency = timed["points"]
    for point in timed["points"]:
        seconds = point["seconds"]
        assert 0 < seconds["minimum"] <= seconds["q1"] <= seconds["median"] <= seconds["q3"] and point["rounds"] == 3
        assert point["peak_bytes"] > 70 * 8 * 8 * 4 and point["compile_s"] > 0
    assert one["peak_bytes"] == many["peak_bytes"] and one["compile_s"] == many["compile_s"]  # one program for all T
    assert [one["evaluations"], many["evaluations"]] == [1, 64] and adaptive["evaluations"] > 9
    assert joint["evaluations"] % 6 == adaptive["evaluations"] % 6 == 1  # all rows of fresh weights take the same steps
    assert consistency["evaluations"] == 4
    assert many["flops"] == 64 * one["flops"] and guided["flops"] == 2 * one["flops"]
    assert guided["weight_bytes"] < one["weight_bytes"]  # SM's network has no length table


def test_programs_are_timed_in_turn_short_ones_often_and_long_ones_a_few_times_over_all_rounds(monkeypatch):
    clock, order = [0.0], []
    monkeypatch.setattr(latency.time, "perf_counter", lambda: clock[0])

    def call(name, seconds):
        def run():
            order.append(name)
            clock[0] += seconds

        return run

    calls = {name: call(name, seconds) for name, seconds in (("long", 4.0), ("middle", 1.0), ("short", 0.01))}
    seconds = latency.in_rounds(calls, Latency(batch_size=1, repeats=5, seconds=30))  # 10 for each
    assert {name: len(each) for name, each in seconds.items()} == {"long": 5, "middle": 10, "short": latency.ROUNDS}
    assert order[:3] == ["long", "middle", "short"]
    at = [sum(name == "short" for name in order[:k]) for k, name in enumerate(order) if name == "long"]
    assert np.diff(at).min() >= 7 and at[-1] == latency.ROUNDS - 1  # spread over the rounds
    assert seconds["long"] == pytest.approx([4.0] * 5)


def test_a_program_takes_as_many_evaluations_as_its_slowest_row():
    samples = np.arange(1, 131)  # programs of 64 rows: their largest numbers are 64, 128 and 130
    assert evaluations.counts(samples, "dopri5:1e-3")["largest_evaluations"] == pytest.approx((64 + 128 + 130) / 3)
    assert evaluations.counts(samples, "dopri5:1e-3:joint100")["largest_evaluations"] == (100 + 130) / 2
    assert evaluations.counts(np.full(9, 4), "euler:4") == {"evaluations": 4, "largest_evaluations": 4}
    assert evaluations.counts(samples, None) == {"evaluations": 65.5}


def test_a_named_pipe_is_no_feature_network(tmp_path):
    os.mkfifo(tmp_path / "network.safetensors")
    with pytest.raises(odelt.OdeltError, match="network.safetensors is a named pipe"):
        features.load(tmp_path / "network.safetensors")
