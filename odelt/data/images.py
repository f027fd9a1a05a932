"""Prepared images by index (SPEC 7): from a tensorflow-datasets directory or from a folder per class.

Pillow decodes and resizes. This module imports neither TensorFlow nor torch, so it works in every environment.
"""

import collections
import concurrent.futures
import contextlib
import dataclasses
import pathlib
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import PIL.Image

from odelt import trace
from odelt.data import folders
from odelt.data.dataset import LabelledImages
from odelt.data.decoding import decode
from odelt.errors import OdeltError
from odelt.files import require_regular

WORKERS = 8  # threads that decode; Pillow lets go of the interpreter while it does
AHEAD = 2  # batches that are being prepared or wait


class Encoded(NamedTuple):
    """An image as it is stored."""

    data: bytes
    label: int
    name: str  # for messages


@dataclasses.dataclass(frozen=True)
class Images:
    """`images[i]` is (float32 [H, W, C] in [-1, 1], label); any number of threads may read at once."""

    source: "FolderSource | TfdsSource"
    size: tuple[int, int]  # H, W
    channels: int
    crop: bool  # central crop to the shorter side first
    as_seen: bool = False  # see `odelt.data.decoding.decode`
    order: np.ndarray | None = None  # of the source's images; None: its own

    @property
    def classes(self) -> int:
        return self.source.classes

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, index: int) -> tuple[np.ndarray, int]:
        """The image ready for the network; OdeltError where it cannot be decoded."""
        stored = self.source[index if self.order is None else int(self.order[index])]
        image = decode(stored.data, stored.name, self.channels, as_seen=self.as_seen)
        return prepare(image, self.size, self.crop), stored.label


def shuffled(images: Images) -> Images:
    """The same images in a random order. So the first are a fair sample, even if the source is sorted by class."""
    return dataclasses.replace(images, order=np.random.default_rng(0).permutation(len(images)))


def in_memory(images: Images) -> LabelledImages:
    """Reads all images, in order."""
    arrays = np.empty((len(images), *images.size, images.channels), np.float32)
    labels = np.empty(len(images), np.int32)
    for index in range(len(images)):
        arrays[index], labels[index] = images[index]
    return LabelledImages(arrays, labels)


def batches(images: Images, size: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yields all images once and in order: float32 [N, H, W, C] in [-1, 1] and int32 [N]. The last N may be smaller.

    Threads prepare at most AHEAD batches, so memory does not grow with the dataset. (Grain could do that, but it
    imports jax, and this runs in torch's environment.)
    """
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        coming = iter(range(len(images)))
        pending: collections.deque = collections.deque()
        try:
            for start in range(0, len(images), size):
                while len(pending) < AHEAD * size and (index := next(coming, None)) is not None:
                    pending.append(pool.submit(images.__getitem__, index))
                rows = [pending.popleft().result() for _ in range(min(size, len(images) - start))]
                arrays, labels = zip(*rows, strict=True)
                yield np.stack(arrays), np.asarray(labels, np.int32)
        finally:
            pool.shutdown(cancel_futures=True)


def prepare(image: np.ndarray, size: tuple[int, int], crop: bool) -> np.ndarray:
    """uint8 [h, w, C] to float32 [H, W, C] in [-1, 1], not quantised again (SPEC 7)."""
    if crop:
        image = central_crop(image)
    return resize(image, size) / np.float32(127.5) - np.float32(1)


def central_crop(image: np.ndarray) -> np.ndarray:
    """The square of the shorter side in the middle; an odd remainder goes to the right and the bottom."""
    side = min(image.shape[:2])
    top, left = ((length - side) // 2 for length in image.shape[:2])
    return image[top : top + side, left : left + side]


def resize(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Bilinear with antialiasing in float32 (0..255 stays 0..255), as tf.image.resize with antialias=True does it.

    Pillow's BILINEAR is the same triangle filter; one channel at a time, because its only float images have one.
    """
    image = image.astype(np.float32)
    if image.shape[:2] == tuple(size):
        return image
    height, width = size
    planes = [PIL.Image.fromarray(plane) for plane in np.moveaxis(image, -1, 0)]
    resized = [plane.resize((width, height), PIL.Image.Resampling.BILINEAR) for plane in planes]
    return np.stack([np.asarray(plane) for plane in resized], axis=-1)


class FolderSource:
    """`<root>/<class>/<image>`, as `folders.images_by_class` lists them."""

    def __init__(self, root: pathlib.Path, fraction: float = 1.0):
        root = pathlib.Path(root)
        by_class = folders.images_by_class(root, fraction)
        labelled = [(f"{name}/{image}", k) for k, (name, images) in enumerate(by_class.items()) for image in images]
        trace.used(root, [name for name, _ in labelled])
        self.classes = len(by_class)
        self._files = [(root / name, label) for name, label in labelled]

    def __len__(self) -> int:
        return len(self._files)

    def __getitem__(self, index: int) -> Encoded:
        file, label = self._files[index]
        require_regular(file, "image")
        try:
            return Encoded(file.read_bytes(), label, str(file))
        except OSError as error:
            raise OdeltError(f"cannot read {file}: {error.strerror}") from None


class TfdsSource:
    """The train split of a tensorflow-datasets directory, read without TensorFlow."""

    def __init__(self, path: pathlib.Path):
        # Only this kind needs it; it is absent from the JAX world.
        import tensorflow_datasets  # pyright: ignore[reportMissingImports]

        tfds: Any = tensorflow_datasets  # whose annotations are not those of what it gives

        self._path = pathlib.Path(path)
        if not (self._path / "dataset_info.json").is_file():
            raise OdeltError(f"{path} is missing or not a tensorflow-datasets directory: let the workflow make it")
        trace.used(self._path)
        with self._naming_damage():
            builder = tfds.builder_from_directory(self._path)
            self.classes = builder.info.features["label"].num_classes
            self._records: Sequence[dict] = builder.as_data_source(
                "train", decoders={"image": tfds.decode.SkipDecoding()}
            )

    def __len__(self) -> int:
        return len(self._records)

    def __getitem__(self, index: int) -> Encoded:
        index = range(len(self))[index]
        with self._naming_damage(f" at image {index}"):
            record = self._records[index]
            name = f"{self._path}: image {record['file_name'].decode()}"
            return Encoded(record["image"], int(record["label"]), name)

    @contextlib.contextmanager
    def _naming_damage(self, where: str = "") -> Iterator[None]:
        """Replaces the libraries' errors in the block by an OdeltError that names the damaged directory."""
        try:
            yield
        except Exception as error:  # protobuf, JSON and ArrayRecord each have errors of their own
            reason = " ".join(str(error).split())[:120]
            raise OdeltError(
                f"{self._path} is damaged{where} ({reason}): delete it, and the workflow makes it again"
            ) from None
