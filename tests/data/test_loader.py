"""Batches from a store of moments; those of a dataset in memory are in test_data.py."""

import zlib

import numpy as np
import pytest

from odelt import OdeltError
from odelt.data import latents, loader
from odelt.kinds import digits

COUNT = 1000
ORDER = 1073671540  # of the first 20 batches of 240 of the digits, seed 10


@pytest.fixture(scope="module", params=[1, 2], ids=["one flip state", "two flip states"])
def store(request, tmp_path_factory):
    """Image i has the moments i (and −i − 1 mirrored), and label i + 1000."""
    path = tmp_path_factory.mktemp("store") / "store"
    values = np.arange(COUNT, dtype=np.float32)
    states = np.stack([values, -values - 1], axis=1)[:, : request.param]
    moments = np.broadcast_to(states[:, :, None, None, None], (*states.shape, 2, 3, 8))
    latents.write_store(path, iter([(moments, np.arange(COUNT) + 1000)]), shard_size=300)
    return latents.Moments(path)


def drawn(store, start, stop, size=200, seed=0):
    """The first number of each row's moments, and labels."""
    made = list(loader.batches(store, size, seed, start, stop))
    assert len(made) == stop - start
    for moments, labels in made:
        assert moments.shape == (size, 2, 3, 8) and moments.dtype == np.float32
        assert labels.shape == (size,) and labels.dtype == np.int32
    moments, labels = (np.concatenate(parts) for parts in zip(*made, strict=True))
    assert np.all(moments == moments[:, :1, :1, :1])
    return moments[:, 0, 0, 0], labels


def test_moments_come_with_their_labels(store):
    values, labels = drawn(store, 0, 20)
    assert np.array_equal(np.where(values < 0, -values - 1, values) + 1000, labels)


def test_every_image_comes_once_per_epoch_in_an_order_of_the_seeds(store):
    _, labels = drawn(store, 0, 10)
    assert set(labels[:COUNT]) == set(labels[COUNT:]) and len(set(labels[:COUNT])) == COUNT
    assert not np.array_equal(labels[:COUNT], labels[COUNT:])
    assert not np.array_equal(labels, drawn(store, 0, 10, seed=1)[1])


def test_the_stream_can_be_entered_anywhere(store):
    values, labels = drawn(store, 0, 30)
    later_values, later_labels = drawn(store, 17, 30)
    assert np.array_equal(values[3400:], later_values) and np.array_equal(labels[3400:], later_labels)


def test_order_and_flips_depend_on_the_seed_only(store):
    assert np.array_equal(drawn(store, 0, 12, size=200)[0], drawn(store, 0, 10, size=240)[0])


def test_flips_are_fair_and_drawn_anew_in_every_epoch(store):
    """In 20 epochs the share of mirror images is ½ within five standard errors, and no image is always the same."""
    values, labels = drawn(store, 0, 100)
    mirrored = values < 0
    if store.flips == 1:
        assert not mirrored.any()
        return
    assert abs(mirrored.mean() - 0.5) < 5 * 0.5 / len(values) ** 0.5
    mirrored_uses = np.bincount(labels[mirrored] - 1000, minlength=COUNT)
    assert mirrored_uses.min() > 0 and mirrored_uses.max() < 20
    assert not np.array_equal(mirrored[:COUNT], drawn(store, 0, 5, seed=1)[0] < 0)


def test_damage_found_while_training_is_told(store, tmp_path):
    copy = tmp_path / "copy"
    copy.mkdir()
    for file in store.path.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    shard = copy / "moments-00001-of-00004.array_record"
    data = bytearray(shard.read_bytes())
    place = data.index(np.full(8, 400, np.float32).tobytes())
    data[place] ^= 1
    shard.write_bytes(data)
    with pytest.raises(OdeltError, match="moments-00001-of-00004.array_record is damaged"):
        list(loader.batches(latents.Moments(copy), COUNT, 0, 0, 10))


def test_the_order_of_a_dataset_in_memory_is_what_it_has_always_been():
    """mini's weights are reproducible to the bit, which needs this order."""
    real = digits.load()._replace(labels=np.arange(1797, dtype=np.int32))
    rows = np.concatenate([labels for _, labels in loader.batches(real, 240, 10, 0, 20)])
    assert zlib.crc32(rows.tobytes()) == ORDER
