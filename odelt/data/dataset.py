"""A dataset in memory and on disk: images and labels in one npz."""

from typing import NamedTuple

import numpy as np

from odelt import files
from odelt.errors import OdeltError


class Dataset(NamedTuple):
    images: np.ndarray  # float32 [N, H, W, C] in [-1, 1], or latents
    labels: np.ndarray  # int32 [N]


def save(path: files.Path, dataset: Dataset) -> None:
    with files.writing(path) as draft, draft.open("wb") as file:
        np.savez(file, images=dataset.images, labels=dataset.labels)


def load(path: files.Path) -> Dataset:
    arrays = read_arrays(path, ("images", "labels"))
    return Dataset(arrays["images"], arrays["labels"])


def read_arrays(path: files.Path, names: tuple[str, ...]) -> dict[str, np.ndarray]:
    """These arrays of an npz; OdeltError where the file is missing, damaged or lacks one."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in names}
    except FileNotFoundError:
        raise OdeltError(f"{path} is missing") from None
    except Exception as error:  # a damaged archive can fail in zip, zlib, the header or the array itself
        raise OdeltError(
            f"{path} is damaged or of another kind ({' '.join(str(error).split())[:120]}): make it again"
        ) from None
