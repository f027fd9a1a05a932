"""The embedded dataset and the loader."""

import numpy as np
import pytest

from odelt import OdeltError
from odelt.data import dataset, digits, loader


@pytest.fixture(scope="module")
def real():
    return digits.load()


def test_digits_are_1797_images_of_pixel_over_eight_less_one(real):
    assert real.images.shape == (1797, 8, 8, 1) and real.images.dtype == np.float32
    assert np.array_equal(np.unique(real.images), np.arange(17) / 8 - 1)
    assert np.array_equal(np.unique(real.labels), np.arange(10))


def test_pixels_are_the_inverse(real):
    assert np.array_equal(np.unique(digits.to_pixels(real.images)), np.arange(17))


def test_a_dataset_comes_back_from_disk(real, tmp_path):
    dataset.save(tmp_path / "d.npz", real)
    again = dataset.load(tmp_path / "d.npz")
    assert np.array_equal(again.images, real.images) and np.array_equal(again.labels, real.labels)


@pytest.mark.parametrize("content, message", [(None, "is missing"), (b"nonsense", "damaged"), ("half", "damaged")])
def test_a_damaged_dataset_is_named(real, tmp_path, content, message):
    path = tmp_path / "d.npz"
    if content == "half":
        dataset.save(path, real)
        content = path.read_bytes()[:1000]
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(OdeltError, match=rf"d.npz.*{message}"):
        dataset.load(path)


def rows_of(real, start, stop, seed=0):
    numbered = real._replace(labels=np.arange(len(real.labels)))
    return [batch[1] for batch in loader.batches(numbered, 100, seed, start, stop)]


def test_every_image_comes_once_per_epoch_in_an_order_of_the_seeds(real):
    first = np.concatenate(rows_of(real, 0, 18))
    assert len(np.unique(first[:1797])) == 1797
    assert not np.array_equal(first, np.concatenate(rows_of(real, 0, 18, seed=1)))
    second = np.concatenate(rows_of(real, 0, 36))[1797:3594]
    assert len(np.unique(second)) == 1797 and not np.array_equal(first[:1797], second)


def test_the_stream_can_be_entered_anywhere(real):
    assert np.array_equal(rows_of(real, 25, 30), rows_of(real, 0, 30)[25:])


def test_images_come_with_their_labels(real):
    images, labels = next(loader.batches(real, 64, 0, 3, 4))
    for image, label in zip(images[:5], labels[:5], strict=True):
        assert label in real.labels[(real.images == image).all(axis=(1, 2, 3))]
