"""Sample i depends on (seed, i) only (SPEC 5)."""

import dataclasses

import numpy as np
import pytest

import odelt
from odelt.config import Solver
from odelt.sampling import generate
from odelt.sampling.noise import noise_and_labels


@pytest.fixture(scope="module")
def model(imported):
    return odelt.load_model(imported / "odelt", "raw")


def samples_of(model, solver="euler:4", count=100, **changes):
    settings = {"count": count, "seed": 3, "length": 8, "guidance": 1.5, "solver": Solver.parse(solver), **changes}
    return generate(model, **settings)


@pytest.mark.parametrize("solver", ["euler:4", "dopri5:1e-3", "tsit5:1e-3"])
def test_the_batch_size_does_not_matter(model, solver):
    reference = samples_of(model, solver, batch_size=64)
    for batch_size in (1, 37, 100) if solver == "euler:4" else (37,):
        other = samples_of(model, solver, batch_size=batch_size)
        assert np.array_equal(other.labels, reference.labels)
        assert np.abs(other.samples - reference.samples).max() < 1e-5 * np.ptp(reference.samples)
        assert np.array_equal(other.evaluations, reference.evaluations)


def test_fewer_samples_are_the_first_of_more(model):
    few, many = samples_of(model, count=10), samples_of(model, count=30)
    assert np.abs(few.samples - many.samples[:10]).max() < 1e-5 * np.ptp(many.samples)
    assert np.array_equal(few.labels, many.labels[:10])


def test_noise_and_labels_are_equal_to_the_bit_in_any_order():
    noise, labels = noise_and_labels(7, range(50), (4, 4, 2), 10)
    again, labels_again = noise_and_labels(7, range(49, -1, -1), (4, 4, 2), 10)
    assert np.array_equal(noise, again[::-1])
    assert np.array_equal(labels, labels_again[::-1])


def test_noise_is_standard_normal_and_labels_are_uniform():
    noise, labels = noise_and_labels(0, range(4000), (8,), 10)
    assert noise.mean() == pytest.approx(0, abs=0.02)
    assert noise.std() == pytest.approx(1, abs=0.02)
    assert np.bincount(labels, minlength=10) / 4000 == pytest.approx(np.full(10, 0.1), abs=0.02)
    assert abs(np.corrcoef(noise.T) - np.eye(8)).max() < 0.08


def test_another_seed_gives_other_samples():
    assert not np.any(noise_and_labels(0, [5], (8,), 10)[0] == noise_and_labels(1, [5], (8,), 10)[0])


def test_asked_labels_are_dealt_out_in_turn_and_leave_the_noise_alone(model):
    asked = samples_of(model, count=5, labels=[2, 4], guidance=0.0)
    assert asked.labels.tolist() == [2, 4, 2, 4, 2]
    drawn = samples_of(model, count=5, guidance=0.0)
    assert np.allclose(asked.samples, drawn.samples, atol=1e-5)  # unconditional: only the noise is left


def test_joint_control_makes_a_sample_depend_on_its_batch(model):
    alone, together = (samples_of(model, "dopri5:1e-3:joint32", count=n) for n in (1, 20))
    assert len(set(together.evaluations)) == 1
    assert not np.array_equal(together.evaluations, samples_of(model, "dopri5:1e-3", count=20).evaluations)
    assert np.abs(alone.samples[0] - together.samples[0]).max() > 1e-6


def test_nonsense_is_refused(model):
    with pytest.raises(odelt.OdeltError, match="batch size 0"):
        samples_of(model, batch_size=0)
    for label in (9, 5, -1):
        with pytest.raises(
            odelt.OdeltError, match=f"label {label}: the labels are 0 to 4, and 'null' for the null label"
        ):
            samples_of(model, labels=[2, label])


def test_the_null_label_is_asked_for_by_name(model):
    asked = samples_of(model, count=3, labels=[2, "null"], guidance=1.0)
    assert asked.labels.tolist() == [2, 5, 2]


def test_samples_that_are_not_finite_are_not_made(model):
    """Finite weights, and products that are not."""
    final = {**model.weights["final"], "out": {"kernel": 3e38 * np.ones((32, 16), np.float32), "bias": np.zeros(16)}}
    large = dataclasses.replace(model, weights={**model.weights, "final": final})
    with pytest.raises(odelt.OdeltError, match="samples with solver 'euler:2' and guidance 1.5 are not finite"):
        samples_of(large, "euler:2", count=2)
