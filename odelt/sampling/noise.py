"""What is drawn for sample i: by the host, of (seed, i) only, so that it is the same to the bit everywhere (SPEC 5)."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float32, Int32

Indices = Sequence[int] | np.ndarray


def noise_and_labels(
    seed: int, indices: Indices, shape: tuple[int, ...], classes: int
) -> tuple[Float32[np.ndarray, "count ..."], Int32[np.ndarray, " count"]]:
    """Standard normal noise at t = 0, and labels, uniform over the classes."""
    noise = np.empty((len(indices), *shape), np.float32)
    labels = np.empty(len(indices), np.int32)
    for row, index in enumerate(indices):
        labels[row], noise[row], _ = _first(seed, int(index), shape, classes)
    return noise, labels


def fresh_noise(
    seed: int, indices: Indices, shape: tuple[int, ...], classes: int, steps: int
) -> Float32[np.ndarray, "count steps ..."] | None:
    """Standard normal noise for each step, which does not depend on how many there are; None for no step.

    The generators of `noise_and_labels` draw it next.
    """
    if not steps:
        return None
    noise = np.empty((len(indices), steps, *shape), np.float32)
    for row, index in enumerate(indices):
        *_, generator = _first(seed, int(index), shape, classes)
        noise[row] = generator.standard_normal((steps, *shape), dtype=np.float32)
    return noise


def _first(seed: int, index: int, shape: tuple[int, ...], classes: int) -> tuple[int, np.ndarray, np.random.Generator]:
    """A sample's label and noise, and the generator of its own that drew them."""
    generator = np.random.default_rng([seed, index])
    return int(generator.integers(classes)), generator.standard_normal(shape, dtype=np.float32), generator
