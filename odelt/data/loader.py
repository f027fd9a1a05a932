"""Batches by Grain: the order depends on the seed only, and batch k can be had without its predecessors."""

from collections.abc import Iterator

import grain
import numpy as np

from odelt.data.dataset import Dataset


def batches(dataset: Dataset, size: int, seed: int, start: int, stop: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Batches `start` … `stop` − 1 of an endless reshuffled stream: images [size, H, W, C] and labels [size]."""
    indices = grain.MapDataset.range(len(dataset.images)).seed(seed).shuffle().repeat().batch(size)
    wanted = indices.slice(slice(start, stop)).map(lambda rows: (dataset.images[rows], dataset.labels[rows]))
    return iter(wanted.to_iter_dataset(grain.ReadOptions(num_threads=1, prefetch_buffer_size=8)))
