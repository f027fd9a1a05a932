"""A dataset in memory and on disk: images and labels in one npz."""

import contextlib
import math
import zipfile
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from odelt import files, trace
from odelt.errors import OdeltError


class LabelledImages(NamedTuple):
    images: np.ndarray  # float32 [N, H, W, C] in [-1, 1], or latents
    labels: np.ndarray  # int32 [N]

    @property
    def classes(self) -> int:
        """How many different labels there are."""
        return len(np.unique(self.labels))


def save(path: files.Path, dataset: LabelledImages) -> None:
    with files.writing(path) as draft, draft.open("wb") as file:
        np.savez(file, images=dataset.images, labels=dataset.labels)


def load(path: files.Path) -> LabelledImages:
    arrays = read_arrays(path, ("images", "labels"))
    return LabelledImages(arrays["images"], arrays["labels"])


def rows_of(path: files.Path, name: str, size: int) -> Iterator[np.ndarray]:
    """One array of an npz, `size` rows at a time; the file is never in memory as a whole.

    Raises:
        OdeltError: the file is missing or damaged, or lacks the array.
    """
    files.require_regular(path, "arrays")
    trace.used(path)
    with _reading(path), zipfile.ZipFile(path) as archive, archive.open(f"{name}.npy") as file:
        np.lib.format.read_magic(file)
        shape, fortran_order, dtype = np.lib.format.read_array_header_1_0(file)
        if fortran_order:
            raise ValueError(f"'{name}' is not stored row by row")
        row_bytes = dtype.itemsize * math.prod(shape[1:])
        for start in range(0, shape[0], size):
            count = min(size, shape[0] - start)
            rows = np.frombuffer(file.read(count * row_bytes), dtype).reshape(count, *shape[1:])
            _check_finite(path, name, rows)
            yield rows


def read_arrays(path: files.Path, names: tuple[str, ...], *, and_numbers: bool = False) -> dict[str, np.ndarray]:
    """These arrays of an npz, and if asked for all its numbers, which are arrays without axes.

    Raises:
        OdeltError: the file is missing, damaged or lacks one of the names, or an array is not finite.
    """
    files.require_regular(path, "arrays")
    trace.used(path)
    with _reading(path), np.load(path, allow_pickle=False) as file:
        arrays = {name: file[name] for name in names}
        others = [name for name in file.files if and_numbers and name not in names]
        arrays |= {name: array for name in others if not (array := file[name]).ndim}
    for name, array in arrays.items():
        _check_finite(path, name, array)
    return arrays


def _check_finite(path: files.Path, name: str, array: np.ndarray) -> None:
    if array.dtype.kind in "fc" and not np.isfinite(array).all():
        raise OdeltError(f"{path}: '{name}' holds values that are not finite: make or fetch it again")


@contextlib.contextmanager
def _reading(path: files.Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise OdeltError(f"{path} is missing") from None
    except OdeltError:
        raise
    except Exception as error:  # a damaged archive can fail in zip, zlib, the header or the array itself
        raise OdeltError(
            f"{path} is damaged or of another kind ({' '.join(str(error).split())[:120]}): make it again"
        ) from None
