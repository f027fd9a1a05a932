"""Batches by Grain: the order depends on the seed only, and batch k can be had without its predecessors."""

from collections.abc import Iterator

import grain
import numpy as np

from odelt.data.dataset import LabelledImages
from odelt.data.latents import Moments

IN_MEMORY = grain.ReadOptions(num_threads=1, prefetch_buffer_size=8)
FROM_DISK = grain.ReadOptions(num_threads=8, prefetch_buffer_size=16)  # threads, and batches that wait


def batches(
    dataset: LabelledImages | Moments, size: int, seed: int, start: int, stop: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Batches `start` … `stop` − 1 of an endless reshuffled stream.

    Yields images [size, H, W, C], or moments [size, h, w, 8] of a store, and int32 labels [size]. Of a store with both
    flip states each use of an image draws one of them, with probability ½; the draw depends on the seed and the place
    in the stream only.
    """
    if isinstance(dataset, Moments):
        return _from_store(dataset, size, seed, start, stop)
    indices = _order(len(dataset.images), seed).batch(size)
    wanted = indices.slice(slice(start, stop)).map(lambda rows: (dataset.images[rows], dataset.labels[rows]))
    return iter(wanted.to_iter_dataset(IN_MEMORY))


def _from_store(store: Moments, size: int, seed: int, start: int, stop: int) -> Iterator:
    def read(rows: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        moments, labels = zip(*(store.read(*row) for row in zip(*rows, strict=True)), strict=True)
        return np.stack(moments), np.asarray(labels, np.int32)

    drawn = _order(len(store), seed).random_map(lambda row, rng: (row, rng.integers(store.flips)))
    wanted = drawn.batch(size).slice(slice(start, stop)).map(read)
    return iter(wanted.to_iter_dataset(FROM_DISK))


def _order(count: int, seed: int) -> grain.MapDataset:
    """Indices without end, every epoch in another order."""
    return grain.MapDataset.range(count).seed(seed).shuffle().repeat()
