"""Images to moments and latents to images, batch by batch: memory does not depend on how many there are."""

from collections.abc import Iterable, Iterator

import numpy as np

from odelt.vision.vae import Autoencoder

MIRROR = (slice(None), slice(None), slice(None, None, -1))  # an image batch [N, H, W, C], left to right


def encoded(
    batches: Iterable[tuple[np.ndarray, np.ndarray]], codec: Autoencoder, *, mirrored: bool
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Moments float32 [N, F, h, w, 8] and labels [N] of images float32 [N, H, W, 3] in [-1, 1] and labels.

    F is 1, or 2 with the mirror images' moments beside the images' own (SPEC 7: both flip states).
    """
    for images, labels in batches:
        states = [images, np.ascontiguousarray(images[MIRROR])] if mirrored else [images]
        yield np.stack([codec.moments(state) for state in states], axis=1), labels


def decoded(latents: Iterable[np.ndarray], codec: Autoencoder, scale: float) -> Iterator[np.ndarray]:
    """Images float32 [n, H, W, 3], about in [-1, 1], of batches of the flow's latents [n, h, w, 4]."""
    for batch in latents:
        yield codec.decode(batch, scale)


def keeping(batches: Iterable[np.ndarray], wanted: np.ndarray, kept: dict[int, np.ndarray]) -> Iterator[np.ndarray]:
    """The same batches; the rows that are wanted, by their index over all of them, are put into `kept` as they pass."""
    start = 0
    for batch in batches:
        for index in wanted[(wanted >= start) & (wanted < start + len(batch))]:
            kept[int(index)] = batch[index - start].copy()
        start += len(batch)
        yield batch


def counted(batches: Iterable, progress) -> Iterator:
    """The same batches; `progress` is told how many rows have been taken."""
    for batch in batches:
        yield batch
        progress(len(batch[0]) if isinstance(batch, tuple) else len(batch))
