"""Batches to moments and images."""

# ruff: noqa: E402 (imports below wait to see whether torch is there)
import numpy as np
import pytest

torch = pytest.importorskip("torch")
from odelt.vision import streams

pytestmark = pytest.mark.torch


class Autoencoder:
    """Its moments are the images themselves, its images the latents."""

    device = torch.device("cpu")

    def encoded(self, images):
        return images

    def decoded(self, latents, scale):
        return latents / scale


def test_both_flip_states_lie_side_by_side():
    images = np.arange(2 * 3 * 4 * 1, dtype=np.float32).reshape(2, 3, 4, 1)
    ((moments, labels),) = streams.encoded([(images, np.array([5, 6]))], Autoencoder(), mirrored=True)
    assert moments.shape == (2, 2, 3, 4, 1) and labels.tolist() == [5, 6]
    assert np.array_equal(moments[:, 0], images) and np.array_equal(moments[:, 1], images[:, :, ::-1])
    ((moments, _),) = streams.encoded([(images, labels)], Autoencoder(), mirrored=False)
    assert np.array_equal(moments[:, 0], images) and moments.shape[1] == 1


def test_latents_are_decoded_batch_by_batch():
    latents = np.arange(3 * 2 * 1 * 4, dtype=np.float32).reshape(3, 2, 1, 4)
    first, last = streams.decoded([latents[:2], latents[2:]], Autoencoder(), 0.5)
    assert np.array_equal(torch.cat([first, last]).permute(0, 2, 3, 1), 2 * latents)


@pytest.mark.parametrize("count", [0, 1, 3, 5, 9])
def test_what_is_asked_for_later_comes_in_order_and_whole(count):
    taken = []
    stream = streams.behind((taken.append(k) or k for k in range(5)), count)
    assert [(k, len(taken)) for k in stream] == [(k, min(k + 1 + count, 5)) for k in range(5)]


def test_progress_counts_rows():
    seen = []
    list(streams.counted([np.zeros(3), (np.zeros(2), None)], seen.append))
    assert seen == [3, 2]
