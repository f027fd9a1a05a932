"""Prepared images by index (SPEC 7): from a tensorflow-datasets directory or from a folder per class.

Pillow decodes and resizes: neither TensorFlow nor torch is imported, so that every world can read through here.
"""

import collections
import concurrent.futures
import contextlib
import dataclasses
import functools
import io
import pathlib
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple, Protocol

import numpy as np
import PIL.Image

from odelt import config, provenance
from odelt.data.dataset import Dataset
from odelt.errors import OdeltError

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp")
WORKERS = 8  # threads that decode; Pillow lets go of the interpreter while it does
AHEAD = 2  # batches that are being prepared or wait


class Encoded(NamedTuple):
    """An image as it is stored."""

    data: bytes
    label: int
    name: str  # for messages


class Source(Protocol):
    classes: int

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Encoded: ...


@dataclasses.dataclass(frozen=True)
class Images:
    """`images[i]` is (float32 [H, W, C] in [-1, 1], label); any number of threads may read at once."""

    source: Source
    size: tuple[int, int]  # H, W
    channels: int
    crop: bool  # central crop to the shorter side first

    @property
    def classes(self) -> int:
        return self.source.classes

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, index: int) -> tuple[np.ndarray, int]:
        """The image ready for the network; OdeltError where it cannot be decoded."""
        stored = self.source[index]
        image = decode(stored.data, stored.name, self.channels)
        return prepare(image, self.size, self.crop), stored.label


@dataclasses.dataclass(frozen=True)
class Shuffled:
    """A source in one random order, in which the first images stand for all of them, whatever their classes."""

    source: Source

    @property
    def classes(self) -> int:
        return self.source.classes

    def __len__(self) -> int:
        return len(self.source)

    @functools.cached_property
    def order(self) -> np.ndarray:
        return np.random.default_rng(0).permutation(len(self.source))

    def __getitem__(self, index: int) -> Encoded:
        return self.source[int(self.order[index])]


def shuffled(images: Images) -> Images:
    return dataclasses.replace(images, source=Shuffled(images.source))


def open_images(
    kind: Literal["tfds", "folder"],
    path: pathlib.Path,
    size: tuple[int, int],
    crop: bool,
    channels: int = 3,
    fraction: float = 1.0,
) -> Images:
    """The images that `path` holds: a directory written by `odelt.data.builders`, or `<class>/*.{jpg,png,…}` (sorted).

    `fraction` in (0, 1] takes the first share of every class of a folder; a written directory is a share already.

    Raises:
        OdeltError: the directory is missing, damaged or has no images.
    """
    source = TfdsSource(path) if kind == "tfds" else FolderSource(path, fraction)
    return Images(source, size, channels, crop)


def load_folder(root: pathlib.Path, size: tuple[int, int], channels: int, fraction: float = 1.0) -> Dataset:
    """A folder per class as a dataset in memory, each image centrally cropped and resized to `size` (H, W).

    `fraction` in (0, 1] takes the first share of every class, at least one image.
    """
    images = open_images("folder", root, size, True, channels, fraction)
    arrays = np.empty((len(images), *size, channels), np.float32)
    labels = np.empty(len(images), np.int32)
    for index in range(len(images)):
        arrays[index], labels[index] = images[index]
    return Dataset(arrays, labels)


def check_classes(dataset: Dataset, settings: config.Dataset) -> None:
    """OdeltError where the dataset has not the classes that its settings promise to the network."""
    check_count_of_classes(len(np.unique(dataset.labels)), settings)


def check_count_of_classes(found: int, settings: config.Dataset) -> None:
    if found != settings.classes:
        raise OdeltError(
            f"dataset '{settings.name}' has {found} classes, and its configuration says {settings.classes}: "
            "correct 'classes' there, or the images"
        )


def batches(images: Images, size: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """All images once and in order: float32 [N, H, W, C] in [-1, 1] and int32 [N], the last N perhaps smaller.

    Threads prepare AHEAD batches and no more, so memory does not grow with the dataset. (Grain would do as much, but
    it imports jax, and this runs in the world of torch.)
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


def decode(data: bytes, name: str, channels: int) -> np.ndarray:
    """uint8 [H, W, C] of an image file's bytes; greyscale, palette, alpha and CMYK become RGB, or grey where C = 1."""
    try:
        with PIL.Image.open(io.BytesIO(data)) as image:
            converted = np.asarray(image.convert("L" if channels == 1 else "RGB"))
    except Exception as error:  # each of Pillow's readers has errors of its own
        told = (
            "of no known kind" if isinstance(error, PIL.UnidentifiedImageError) else " ".join(str(error).split())[:120]
        )
        raise OdeltError(f"{name} is not a readable image ({told}): replace or remove it") from None
    return converted.reshape(*converted.shape[:2], channels)


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
    return np.stack([plane.resize((width, height), PIL.Image.Resampling.BILINEAR) for plane in planes], axis=-1)


def share(count: int, fraction: float) -> int:
    """How many of `count` a fraction in (0, 1] is: rounded, at least one of one or more."""
    if not 0 < fraction <= 1:
        raise OdeltError(f"fraction {fraction:g}: a share of the data is above 0 and at most 1")
    return min(count, max(1, round(count * fraction)))


class FolderSource:
    """`<root>/<class>/<image>`: classes are the sorted names of the sub-folders, images are sorted by name."""

    def __init__(self, root: pathlib.Path, fraction: float = 1.0):
        root = pathlib.Path(root)
        if not root.is_dir():
            raise OdeltError(f"{root} is missing: it should be a folder with one sub-folder of images per class")
        classes = sorted(entry for entry in root.iterdir() if entry.is_dir() and not entry.name.startswith("."))
        if not classes:
            raise OdeltError(f"{root} has no sub-folders: put the images of each class into a folder of its own")
        provenance.used(root)
        self.classes = len(classes)
        self._files: list[tuple[pathlib.Path, int]] = []
        for label, folder in enumerate(classes):
            files = sorted(file for file in folder.iterdir() if file.suffix.lower() in SUFFIXES)
            if not files:
                raise OdeltError(f"{folder} has no images ({', '.join(SUFFIXES)}): add some or remove the folder")
            self._files += [(file, label) for file in files[: share(len(files), fraction)]]

    def __len__(self) -> int:
        return len(self._files)

    def __getitem__(self, index: int) -> Encoded:
        file, label = self._files[index]
        try:
            return Encoded(file.read_bytes(), label, str(file))
        except OSError as error:
            raise OdeltError(f"cannot read {file}: {error.strerror}") from None


class TfdsSource:
    """The train split of a tensorflow-datasets directory, read without TensorFlow."""

    def __init__(self, path: pathlib.Path):
        import tensorflow_datasets as tfds  # only this kind needs it; it is absent from the JAX world

        self._path = pathlib.Path(path)
        if not (self._path / "dataset_info.json").is_file():
            raise OdeltError(f"{path} is missing or not a tensorflow-datasets directory: let the workflow make it")
        provenance.used(self._path)
        with self._damage_told():
            builder = tfds.builder_from_directory(self._path)
            self.classes = builder.info.features["label"].num_classes
            self._records: Sequence[dict] = builder.as_data_source(
                "train", decoders={"image": tfds.decode.SkipDecoding()}
            )

    def __len__(self) -> int:
        return len(self._records)

    def __getitem__(self, index: int) -> Encoded:
        index = range(len(self))[index]
        with self._damage_told(f" at image {index}"):
            record = self._records[index]
            name = f"{self._path}: image {record['file_name'].decode()}"
            return Encoded(record["image"], int(record["label"]), name)

    @contextlib.contextmanager
    def _damage_told(self, where: str = "") -> Iterator[None]:
        try:
            yield
        except Exception as error:  # protobuf, JSON and ArrayRecord each have errors of their own
            told = " ".join(str(error).split())[:120]
            raise OdeltError(
                f"{self._path} is damaged{where} ({told}): delete it, and the workflow makes it again"
            ) from None
