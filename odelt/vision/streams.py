"""Images to moments and latents to images, batch by batch: memory does not depend on how many there are."""

import collections
from collections.abc import Iterable, Iterator
from typing import TypeVar

import numpy as np
import torch

from odelt import vision
from odelt.vision.vae import Autoencoder

AHEAD = 2  # batches that a device has been given and whose results nobody has asked for yet
WIDTH = 3  # the axis of an image batch [N, C, H, W]

T = TypeVar("T")


def encoded(
    batches: Iterable[tuple[np.ndarray, np.ndarray]], codec: Autoencoder, *, mirrored: bool
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Moments float32 [N, F, h, w, 8] and labels [N] of images float32 [N, H, W, 3] in [-1, 1] and labels.

    F is 1, or 2 with the mirror images' moments beside the images' own (SPEC 7: both flip states).
    """

    def started() -> Iterator[tuple[vision.Readback, np.ndarray]]:
        for images, labels in batches:
            own = vision.upload(images, codec.device)
            states = [own, own.flip(WIDTH)] if mirrored else [own]
            moments = torch.stack([codec.encoded(state) for state in states], dim=1)
            yield vision.Readback(moments.permute(0, 1, 3, 4, 2)), labels

    for moments, labels in behind(started(), AHEAD):
        yield moments.array, labels


def decoded(latents: Iterable[np.ndarray], codec: Autoencoder, scale: float) -> Iterator[torch.Tensor]:
    """Images float32 [n, 3, H, W], about in [-1, 1], on the device, of batches of the flow's latents [n, h, w, 4]."""
    for batch in latents:
        yield codec.decoded(vision.upload(batch, codec.device), scale)


def behind(items: Iterable[T], count: int) -> Iterator[T]:
    """The same items, each when `count` more have been taken, or when there are no more."""
    waiting: collections.deque[T] = collections.deque()
    for item in items:
        waiting.append(item)
        if len(waiting) > count:
            yield waiting.popleft()
    yield from waiting


def counted(batches: Iterable, progress) -> Iterator:
    """The same batches; `progress` is told how many rows have been taken."""
    for batch in batches:
        yield batch
        progress(len(batch[0]) if isinstance(batch, tuple) else len(batch))
