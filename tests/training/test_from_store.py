"""Training from the store of moments is training from images that are encoded batch by batch."""

import functools

import jax
import numpy as np
import pytest

pytest.importorskip("torch")
from conftest import small_training

from odelt.config import Network
from odelt.data import gaussian, latents, loader
from odelt.model import runs
from odelt.model.weights import initial_weights
from odelt.training.step import initial_state, make_step
from odelt.vision import streams, vae
from rehearsal import vision as stand_ins

pytestmark = pytest.mark.torch
IMAGES, SIZE = 24, 32


@pytest.fixture(scope="module")
def codec(tmp_path_factory):
    folder = tmp_path_factory.mktemp("codec") / "vae"
    stand_ins.write_vae(folder, seed=0)
    return vae.load(folder, batch_size=5)


@pytest.fixture(scope="module")
def images():
    random = np.random.default_rng(0)
    return random.uniform(-1, 1, (IMAGES, SIZE, SIZE, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def store(tmp_path_factory, codec, images):
    out = tmp_path_factory.mktemp("store") / "latents"
    batches = ((images[k : k + 7], np.arange(k, min(k + 7, IMAGES))) for k in range(0, IMAGES, 7))
    latents.write_store(out, streams.encoded(batches, codec, mirrored=True))
    return latents.Moments(out)


def test_the_store_holds_what_the_encoder_says_of_both_flip_states(store, codec, images):
    for k in (0, 6, 7, 23):
        moments, label = store[k]
        assert label == k and moments.shape == (2, 4, 4, 8)
        np.testing.assert_allclose(moments[0], codec.moments(images[k : k + 1])[0], rtol=1e-4, atol=1e-5)
        mirrored = np.ascontiguousarray(images[k : k + 1, :, ::-1])
        np.testing.assert_allclose(moments[1], codec.moments(mirrored)[0], rtol=1e-4, atol=1e-5)


def test_latents_have_the_mean_and_variance_of_encoding_each_batch_afresh(store, codec, images):
    """Diffusers' own sampling of the latents of one image, against ours from the store, over 4,000 draws of each."""
    import torch

    draws = 4000
    stored = np.broadcast_to(store[3][0][:1], (draws, 4, 4, 8))
    ours = np.asarray(gaussian.sample_latents(jax.random.key(0), stored))
    pixels = torch.from_numpy(images[3:4]).permute(0, 3, 1, 2)
    with torch.no_grad():
        posterior = codec.network.encode(pixels).latent_dist
        generator = torch.Generator().manual_seed(0)
        theirs = (
            torch.cat([posterior.sample(generator) for _ in range(draws)]).permute(0, 2, 3, 1).numpy() * vae.SCALING
        )
    error = theirs.std(axis=0) * np.sqrt(2 / draws)
    assert (np.abs(ours.mean(axis=0) - theirs.mean(axis=0)) < 5 * error).all()
    np.testing.assert_allclose(ours.std(axis=0), theirs.std(axis=0), rtol=5 / np.sqrt(draws))


def test_the_loss_is_that_of_direct_encoding_for_the_same_random_numbers(store, codec, images):
    """The loader's own choice of images and flips, encoded when the step asks for them."""
    network = Network(width=16, heads=2, depth=2, group=1, min_length=1, channels=4, classes=IMAGES, image=(4, 4))
    training = small_training(batch_size=16)
    prepare = functools.partial(gaussian.sample_latents, scale=vae.SCALING)
    losses = {"stored": [], "direct": []}
    for way, of_way in losses.items():
        state = initial_state(runs.split(initial_weights(network, 0, length_table=True), network), training)
        step = make_step(network, training, True, prepare)
        for moments, labels in loader.batches(store, 16, seed=0, start=0, stop=3):
            x = moments if way == "stored" else _encoded_now(codec, images, store, moments, labels)
            state, metrics = step(state, x, labels, jax.random.key(0))
            of_way.append(float(metrics["loss"]))
    np.testing.assert_allclose(losses["direct"], losses["stored"], rtol=1e-5)
    assert len(set(losses["stored"])) == 3


def _encoded_now(codec, images, store, moments, labels):
    """What the loader dealt, encoded afresh; labels are the images' indices, and the store says which were flipped."""
    flipped = [not np.array_equal(moments[k], store[label][0][0]) for k, label in enumerate(labels)]
    assert any(flipped) and not all(flipped)
    chosen = np.stack([images[y][:, ::-1] if flip else images[y] for y, flip in zip(labels, flipped, strict=True)])
    return codec.moments(np.ascontiguousarray(chosen))
