"""The store of moments, and latents drawn from it."""

import json
import os
import resource
import subprocess
import sys
import tracemalloc

import jax
import numpy as np
import pytest

from odelt import OdeltError, files
from odelt.data import gaussian, latents

SHAPE = (4, 6, 8)  # h, w, 2c


def some_batches(count=10, flips=2, size=4):
    """Moments that are all different, and labels 0, 1, 2, 0, …"""
    rng = np.random.default_rng(0)
    for start in range(0, count, size):
        n = min(size, count - start)
        yield rng.standard_normal((n, flips, *SHAPE), np.float32), np.arange(start, start + n, dtype=np.int32) % 3


@pytest.fixture(params=[1, 2], ids=["one flip state", "two flip states"])
def flips(request):
    return request.param


@pytest.fixture
def store(tmp_path, flips):
    latents.write_store(tmp_path / "store", some_batches(flips=flips), shard_size=4)
    return tmp_path / "store"


def test_moments_come_back_to_the_bit(store, flips):
    opened = latents.Moments(store)
    moments, labels = (np.concatenate(parts) for parts in zip(*some_batches(flips=flips), strict=True))
    assert len(opened) == 10 and opened.shape == SHAPE and opened.flips == flips and opened.labels == 3
    for index in (9, 0, 4, 3, 7, 1, 2, 5, 6, 8):
        read, label = opened[index]
        assert read.dtype == np.float32 and np.array_equal(read, moments[index]) and label == labels[index]
        for flip in range(flips):
            assert np.array_equal(opened.read(index, flip)[0], moments[index, flip])


def test_the_directory_says_what_it_holds(store, flips):
    index = json.loads((store / "index.json").read_text(encoding="utf-8"))
    assert index["count"] == 10 and index["shape"] == [*SHAPE] and index["flips"] == flips
    assert index["dtype"] == "float32" and index["labels"] == 3
    names = [f"moments-0000{k}-of-00003.array_record" for k in range(3)]
    assert [shard["file"] for shard in index["shards"]] == names
    assert [shard["sha256"] for shard in index["shards"]] == [files.digest(store / name) for name in names]
    assert sorted(file.name for file in store.iterdir()) == ["index.json", *names]


def test_an_index_outside_is_no_image(store):
    with pytest.raises(IndexError):
        latents.Moments(store)[10]


def test_writing_twice_gives_the_same_bytes(store, flips, tmp_path):
    latents.write_store(tmp_path / "again", some_batches(flips=flips), shard_size=4)
    for file in store.iterdir():
        assert file.read_bytes() == (tmp_path / "again" / file.name).read_bytes()


def test_a_new_store_takes_the_place_of_the_old_one_whole(store, flips):
    latents.write_store(store, some_batches(count=3, flips=flips), shard_size=4)
    assert len(latents.Moments(store)) == 3 and len(list(store.iterdir())) == 2


def test_a_store_that_fails_is_not_there_and_the_old_one_stays(tmp_path, store):
    def failing():
        yield from some_batches()
        raise OdeltError("the encoder stopped")

    for out in (store, tmp_path / "new"):
        with pytest.raises(OdeltError, match="the encoder stopped"):
            latents.write_store(out, failing(), shard_size=4)
    assert len(latents.Moments(store)) == 10 and list(tmp_path.iterdir()) == [store]


def test_a_full_disk_is_told_and_leaves_nothing(tmp_path):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))  # bytes of a file
    try:
        with pytest.raises(OdeltError, match="cannot write .*store: .*File too large") as told:
            latents.write_store(tmp_path / "store", some_batches(count=20))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "\n" not in str(told.value) and list(tmp_path.iterdir()) == []


def test_no_images_make_no_store(tmp_path):
    with pytest.raises(OdeltError, match="no images"):
        latents.write_store(tmp_path / "store", iter([]))
    assert list(tmp_path.iterdir()) == []


def test_a_flipped_byte_anywhere_in_a_record_is_told(store, flips):
    """Every byte is the record's or the format's; wherever it is flipped, the store is never read wrongly."""
    moments, _ = (np.concatenate(parts) for parts in zip(*some_batches(flips=flips), strict=True))
    shard = store / "moments-00001-of-00003.array_record"
    whole = shard.read_bytes()
    value = moments[5, flips - 1].tobytes()
    inside = whole.index(value)  # uncompressed: the moments stand there as they are
    places = [inside - 2, inside, inside + 3, inside + len(value) // 2, inside + len(value) - 1]
    for place in places:
        shard.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        opened = latents.Moments(store)
        with pytest.raises(OdeltError, match=r"moments-00001-of-00003.array_record is damaged.*delete the directory"):
            opened[5]
        assert np.array_equal(opened[0][0], moments[0])


def test_damage_drawn_at_random_is_told_or_harmless(store, flips):
    """Harmless: the format pads a small file to 64 KiB."""
    moments, _ = (np.concatenate(parts) for parts in zip(*some_batches(flips=flips), strict=True))
    shard = store / "moments-00000-of-00003.array_record"
    whole, rng, told = shard.read_bytes(), np.random.default_rng(1), 0
    for place in rng.integers(4 * flips * 800, size=40):
        shard.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        opened = latents.Moments(store)
        try:
            assert all(np.array_equal(opened[index][0], moments[index]) for index in range(4))
        except OdeltError:
            told += 1
    assert told > 30


@pytest.mark.parametrize("keep", [0, 100, -1, -100])
def test_a_shard_that_was_cut_short_is_told_when_the_store_is_opened(store, keep):
    shard = store / "moments-00002-of-00003.array_record"
    shard.write_bytes(shard.read_bytes()[:keep])
    with pytest.raises(OdeltError, match=r"moments-00002-of-00003.array_record is damaged \(\d+ bytes instead of"):
        latents.Moments(store)


def test_a_missing_shard_is_told_when_the_store_is_opened(store):
    (store / "moments-00000-of-00003.array_record").unlink()
    with pytest.raises(OdeltError, match=r"moments-00000-of-00003.array_record is damaged \(it is missing"):
        latents.Moments(store)


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"count": 3', '{"count": "x"}'])
def test_a_damaged_index_is_told(store, content):
    (store / "index.json").write_text(content, encoding="utf-8")
    with pytest.raises(OdeltError, match="index.json is damaged.*delete the directory") as told:
        latents.Moments(store)
    assert "\n" not in str(told.value)


def test_no_store_is_told(tmp_path):
    with pytest.raises(OdeltError, match="none is no store of moments.*makes it again"):
        latents.Moments(tmp_path / "none")


def test_writing_holds_a_batch_and_not_the_store(tmp_path):
    def peak(count):
        tracemalloc.start()
        batch = (np.zeros((8, 2, 16, 16, 8), np.float32), np.zeros(8, np.int32))  # 256 KiB
        latents.write_store(tmp_path / str(count), iter([batch] * count), shard_size=64)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return peak

    peak(1)
    assert peak(64) < peak(8) + 2**18


def test_the_store_is_written_and_read_without_jax_torch_and_tensorflow():
    code = (
        "import sys; import odelt.data.latents; print([w for w in ('jax', 'torch', 'tensorflow') if w in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8").stdout == "[]\n"


def test_latents_have_the_mean_and_the_variance_of_the_moments(tmp_path):
    """Of 20,000 draws, each tolerance is five standard errors."""
    rng = np.random.default_rng(0)
    mean, deviation = rng.standard_normal((2, 2, 2, 4)), rng.uniform(0.1, 2, (2, 2, 4))
    moments = np.concatenate([mean[0], 2 * np.log(deviation)], axis=-1, dtype=np.float32)
    latents.write_store(tmp_path / "store", iter([(moments[None, None], np.zeros(1, np.int32))]))
    stored, _ = latents.Moments(tmp_path / "store").read(0, 0)
    draws = 20_000
    drawn = jax.jit(gaussian.sample_latents)(jax.random.key(0), np.broadcast_to(stored, (draws, 2, 2, 8)))
    drawn = np.asarray(drawn, np.float64) / 0.18215
    assert np.all(np.abs(drawn.mean(0) - mean[0]) < 5 * deviation / draws**0.5)
    assert np.all(np.abs(drawn.var(0) / deviation**2 - 1) < 5 * (2 / draws) ** 0.5)


def test_latents_are_fresh_for_every_key_and_scaled():
    moments = np.concatenate([np.full((3, 2, 2, 4), 2.0), np.full((3, 2, 2, 4), -100.0)], axis=-1, dtype=np.float32)
    still = gaussian.sample_latents(jax.random.key(0), moments, scale=0.5)
    assert still.shape == (3, 2, 2, 4) and np.allclose(still, 1.0, atol=1e-5)
    moving = np.zeros_like(moments)
    first, second, same = (gaussian.sample_latents(jax.random.key(k), moving) for k in (1, 2, 1))
    assert np.array_equal(first, same) and not np.any(np.asarray(first) == np.asarray(second))


@pytest.mark.parametrize("log_variance, clamped", [(-1000, -30), (30, 20)])
def test_the_log_variance_is_clamped_as_diffusers_does(log_variance, clamped):
    def drawn(value):
        moments = np.concatenate([np.zeros((1, 2, 2, 4)), np.full((1, 2, 2, 4), value)], axis=-1, dtype=np.float32)
        return np.asarray(gaussian.sample_latents(jax.random.key(0), moments))

    assert np.array_equal(drawn(log_variance), drawn(clamped)) and np.all(drawn(clamped) != 0)


def test_moments_that_are_not_finite_are_neither_written_nor_read(tmp_path, monkeypatch):
    moments = np.ones((3, 1, *SHAPE), np.float32)
    moments[1, 0, 2, 2, 2] = np.nan
    batches = [(moments, np.zeros(3, np.int32))]
    with pytest.raises(OdeltError, match="the moments of image 1 are not finite"):
        latents.write_store(tmp_path / "store", iter(batches))
    assert list(tmp_path.iterdir()) == []
    with monkeypatch.context() as changed:
        changed.setattr(np, "isfinite", lambda array: np.ones_like(array, bool))
        latents.write_store(tmp_path / "store", iter(batches))
    store = latents.Moments(tmp_path / "store")
    assert np.isfinite(store[0][0]).all()
    with pytest.raises(OdeltError, match="array_record is damaged .the moments of image 1 are not finite"):
        store[1]


def test_a_named_pipe_is_no_index_of_a_store(tmp_path):
    (tmp_path / "store").mkdir()
    os.mkfifo(tmp_path / "store" / latents.INDEX)
    with pytest.raises(OdeltError, match="index.json is a named pipe"):
        latents.Moments(tmp_path / "store")
