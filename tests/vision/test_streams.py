"""Batches to moments and images; rows that are kept as they pass."""

import numpy as np
import pytest

pytest.importorskip("torch")
from odelt.vision import streams

pytestmark = pytest.mark.torch


class Autoencoder:
    """Its moments are the images themselves, its images the latents."""

    def moments(self, images):
        assert images.flags["C_CONTIGUOUS"]
        return images

    def decode(self, latents, scale):
        return latents / scale


def test_both_flip_states_lie_side_by_side():
    images = np.arange(2 * 3 * 4 * 1, dtype=np.float32).reshape(2, 3, 4, 1)
    ((moments, labels),) = streams.encoded([(images, np.array([5, 6]))], Autoencoder(), mirrored=True)
    assert moments.shape == (2, 2, 3, 4, 1) and labels.tolist() == [5, 6]
    assert np.array_equal(moments[:, 0], images) and np.array_equal(moments[:, 1], images[:, :, ::-1])
    ((moments, _),) = streams.encoded([(images, labels)], Autoencoder(), mirrored=False)
    assert np.array_equal(moments[:, 0], images) and moments.shape[1] == 1


def test_latents_are_decoded_batch_by_batch():
    assert [d.tolist() for d in streams.decoded([np.ones(2), np.ones(1)], Autoencoder(), 0.5)] == [[2, 2], [2]]


def test_wanted_rows_are_kept_whatever_the_batches():
    rows = np.arange(10)
    for size in (1, 3, 10):
        kept = {}
        batches = [rows[k : k + size] for k in range(0, 10, size)]
        assert np.array_equal(np.concatenate(list(streams.keeping(batches, np.array([0, 4, 9]), kept))), rows)
        assert kept == {0: 0, 4: 4, 9: 9}


def test_progress_counts_rows():
    seen = []
    list(streams.counted([np.zeros(3), (np.zeros(2), None)], seen.append))
    assert seen == [3, 2]
