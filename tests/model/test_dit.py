"""The backbone of SPEC 2: initial values, embeddings, image sizes."""

import jax
import numpy as np
import pytest

import odelt
from odelt.config import Network
from odelt.model.dit import position_embedding
from odelt.model.weights import Model, flatten, initial_weights


@pytest.fixture(scope="module")
def weights():
    network = Network(width=64, heads=4, depth=4, group=2, min_length=2, channels=3, classes=99, image=(8, 8))
    return network, initial_weights(network, seed=0, length_table=True)


@pytest.mark.parametrize(
    "path, variance",
    [
        ("blocks/query/kernel", 2 / (64 + 64)),
        ("blocks/modulation/kernel", 2 / (64 + 6 * 64)),
        ("blocks/mlp_out/kernel", 2 / (4 * 64 + 64)),
        ("patch_embedding/kernel", 2 / (2 * 2 * 3 + 64)),
        ("time_embedding/hidden/kernel", 0.02**2),
        ("step_embedding/out/kernel", 0.02**2),
        ("label_embedding/embedding", 0.02**2),
        ("length_embedding/embedding", 0.02**2),
    ],
)
def test_initial_variance(weights, path, variance):
    assert np.var(flatten(weights[1])[path]) == pytest.approx(variance, rel=0.15)


def test_dense_kernels_start_uniform_and_final_ones_and_biases_at_zero(weights):
    tensors = flatten(weights[1])
    kernel = tensors["blocks/query/kernel"]
    assert np.abs(kernel).max() <= np.sqrt(6 / (64 + 64)) + 1e-6
    for path, value in tensors.items():
        if path.endswith("bias") or path in ("final/modulation/kernel", "final/out/kernel"):
            assert not np.any(value), path
        else:
            assert np.any(value), path


def test_blocks_start_different_from_one_another(weights):
    kernel = flatten(weights[1])["blocks/query/kernel"]
    assert kernel.shape[0] == 4
    assert not np.any(kernel[0] == kernel[1])


def test_position_embedding_has_columns_first_then_rows():
    embedding = position_embedding(2, 3, 8).reshape(2, 3, 8)
    assert np.array_equal(embedding[0, :, :4], embedding[1, :, :4])  # the first half depends on the column only
    assert np.array_equal(embedding[:, 0, 4:], embedding[:, 2, 4:])  # the second on the row only
    omega = np.array([1, 1 / 100])
    assert embedding[1, 2] == pytest.approx(np.r_[np.sin(2 * omega), np.cos(2 * omega), np.sin(omega), np.cos(omega)])


def test_a_fresh_network_has_zero_velocity_at_any_image_size(weights):
    config, tensors = weights
    model = Model(config, tensors)
    x = jax.random.normal(jax.random.key(0), (2, 12, 4, 3))
    assert not np.any(odelt.velocity(model, x, 0.5, 3, 7, length=2))


@pytest.mark.parametrize("length, blocks", [(12, 8), (20, 16), (28, 24), (None, 28)])
def test_dead_blocks_of_xl_are_not_counted(length, blocks):
    xl = Network(width=1152, heads=16, depth=28, group=8, min_length=12, channels=4, classes=1000, image=(32, 32))
    assert xl.lengths == (12, 20, 28)
    assert xl.effective_blocks(length) == blocks


def test_an_error_says_which_lengths_are_allowed(weights):
    with pytest.raises(odelt.OdeltError, match="length 3 is not allowed; this network has 2, 4"):
        odelt.velocity(Model(*weights), np.zeros((1, 8, 8, 3)), 0.5, 3, 7, length=3)


def test_an_error_names_the_null_label(weights):
    with pytest.raises(odelt.OdeltError, match="labels go from 0 to 99, where 99 is the null label"):
        odelt.velocity(Model(*weights), np.zeros((1, 8, 8, 3)), 0.5, 3, 100)
