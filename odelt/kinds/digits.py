"""scikit-learn's digits: 1,797 real 8×8 images of ten classes, the dataset of the embedded suite."""

import pathlib
from typing import TYPE_CHECKING, cast

from odelt.kinds.kind import DatasetSettings, Kind

if TYPE_CHECKING:
    from odelt.data.dataset import LabelledImages

LEVELS = 16  # a pixel is one of 0..16


def load(settings: DatasetSettings | None = None, source: pathlib.Path | None = None) -> "LabelledImages":
    """All images, float32 [1797, 8, 8, 1] as pixel/8 − 1, so that black is −1 and white is 1; labels int32 [1797].

    There is nothing to choose, so the arguments are not read.
    """
    import numpy as np
    import sklearn.datasets
    import sklearn.utils

    from odelt.data.dataset import LabelledImages

    digits = cast(sklearn.utils.Bunch, sklearn.datasets.load_digits())  # it is a tuple only where that is asked for
    images = digits.images[..., None] / (LEVELS / 2) - 1
    return LabelledImages(images.astype(np.float32), digits.target.astype(np.int32))


KIND = Kind(
    name="digits",
    description="scikit-learn's digits, which need no download",
    count=lambda settings: 1797,
    fixed={"image": (8, 8), "channels": 1, "classes": 10, "fraction": 1.0},
    load=load,
)
