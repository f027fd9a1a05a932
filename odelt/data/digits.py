"""scikit-learn's digits: 1,797 real 8×8 images of ten classes, the dataset of the embedded suite."""

from typing import cast

import numpy as np

from odelt.data.dataset import Dataset

LEVELS = 16  # a pixel is one of 0..16


def load() -> Dataset:
    """All images as pixel/8 − 1, so that black is −1 and white is 1."""
    import sklearn.datasets  # here, since it takes seconds, and who counts pixels needs none of it
    import sklearn.utils

    digits = cast(sklearn.utils.Bunch, sklearn.datasets.load_digits())  # it is a tuple only where that is asked for
    images = digits.images[..., None] / (LEVELS / 2) - 1
    return Dataset(images.astype(np.float32), digits.target.astype(np.int32))


def to_pixels(images: np.ndarray) -> np.ndarray:
    """[N, H, W, C] in [-1, 1] to the dataset's own 0..16 (unrounded, clipped), flat [N, H·W·C]."""
    return (np.clip(images, -1, 1).reshape(len(images), -1) + 1) * (LEVELS / 2)
