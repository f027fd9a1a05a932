"""The embedded dataset and the loader."""

import os
import tracemalloc

import numpy as np
import pytest

from odelt import OdeltError
from odelt.data import dataset, loader
from odelt.kinds import digits


@pytest.fixture(scope="module")
def real():
    return digits.load()


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


def test_a_named_pipe_is_no_dataset(tmp_path):
    os.mkfifo(tmp_path / "d.npz")
    for read in (dataset.load, lambda path: next(dataset.rows_of(path, "images", 1))):
        with pytest.raises(OdeltError, match="d.npz is a named pipe"):
            read(tmp_path / "d.npz")


@pytest.mark.parametrize("size", [1, 100, 1797, 5000])
def test_rows_come_in_parts_and_are_the_array(real, tmp_path, size):
    dataset.save(tmp_path / "d.npz", real)
    parts = list(dataset.rows_of(tmp_path / "d.npz", "images", size))
    assert all(len(part) == size for part in parts[:-1])
    assert np.array_equal(np.concatenate(parts), real.images)


def test_rows_in_parts_take_no_more_memory_the_more_there_are(tmp_path):
    peaks = []
    for count in (1000, 20000):
        np.savez(tmp_path / "d.npz", samples=np.zeros((count, 1000), np.float32))
        tracemalloc.start()
        assert sum(len(part) for part in dataset.rows_of(tmp_path / "d.npz", "samples", 10)) == count
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 100_000 < 1_000_000  # bytes; the arrays have 4 and 80 MB


@pytest.mark.parametrize("name, change", [("images", slice(90_000, 90_001)), ("pictures", slice(0, 0))])
def test_a_flipped_byte_and_an_array_that_is_not_there_are_told(real, tmp_path, name, change):
    path = tmp_path / "d.npz"
    dataset.save(path, real)
    content = bytearray(path.read_bytes())
    content[change] = bytes(255 - byte for byte in content[change])
    path.write_bytes(content)
    with pytest.raises(OdeltError, match=r"d.npz is damaged"):
        list(dataset.rows_of(path, name, 64))


def dealt(real, start, stop, seed=0):
    numbered = real._replace(labels=np.arange(len(real.labels)))
    return [batch[1] for batch in loader.batches(numbered, 100, seed, start, stop)]


def test_every_image_comes_once_per_epoch_in_an_order_of_the_seeds(real):
    first = np.concatenate(dealt(real, 0, 18))
    assert len(np.unique(first[:1797])) == 1797
    assert not np.array_equal(first, np.concatenate(dealt(real, 0, 18, seed=1)))
    second = np.concatenate(dealt(real, 0, 36))[1797:3594]
    assert len(np.unique(second)) == 1797 and not np.array_equal(first[:1797], second)


def test_the_stream_can_be_entered_anywhere(real):
    assert np.array_equal(dealt(real, 25, 30), dealt(real, 0, 30)[25:])


def test_images_come_with_their_labels(real):
    images, labels = next(loader.batches(real, 64, 0, 3, 4))
    for image, label in zip(images[:5], labels[:5], strict=True):
        assert label in real.labels[(real.images == image).all(axis=(1, 2, 3))]


def test_an_array_of_a_file_that_is_not_finite_is_named(tmp_path):
    images = np.zeros((4, 2, 2, 1), np.float32)
    images[3] = np.inf
    np.savez(tmp_path / "d.npz", images=images, labels=np.zeros(4, np.int32))
    with pytest.raises(OdeltError, match="d.npz: 'images' holds values that are not finite: make or fetch it again"):
        dataset.load(tmp_path / "d.npz")
    rows = dataset.rows_of(tmp_path / "d.npz", "images", 2)
    assert next(rows).shape == (2, 2, 2, 1)
    with pytest.raises(OdeltError, match="d.npz: 'images' holds values that are not finite"):
        next(rows)
