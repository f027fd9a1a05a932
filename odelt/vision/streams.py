"""Images to moments and latents to images, batch by batch: memory does not depend on how many there are."""

from collections.abc import Iterable, Iterator

import numpy as np

from odelt.vision.vae import Codec

MIRROR = (slice(None), slice(None), slice(None, None, -1))  # an image batch [N, H, W, C], left to right


def encoded(
    batches: Iterable[tuple[np.ndarray, np.ndarray]], codec: Codec, *, mirrored: bool
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Moments float32 [N, F, h, w, 8] and labels [N] of images float32 [N, H, W, 3] in [-1, 1] and labels.

    F is 1, or 2 with the mirror images' moments beside the images' own (SPEC 7: both flip states).
    """
    for images, labels in batches:
        states = [images, np.ascontiguousarray(images[MIRROR])] if mirrored else [images]
        yield np.stack([codec.moments(state) for state in states], axis=1), labels


def decoded(latents: np.ndarray, codec: Codec, size: int, scale: float) -> Iterator[np.ndarray]:
    """Images float32 [n, H, W, 3], about in [-1, 1], of latents [N, h, w, 4] of the flow, `size` at a time."""
    for start in range(0, len(latents), size):
        yield codec.decode(latents[start : start + size], scale)


def counted(batches: Iterable, progress) -> Iterator:
    """The same batches; `progress` is told how many rows have been taken."""
    for batch in batches:
        yield batch
        progress(len(batch[0]) if isinstance(batch, tuple) else len(batch))
