"""Which samples the picture grid shows."""

import numpy as np

from odelt.config import Experiment
from odelt.data.dataset import read_arrays
from odelt.layout import grid
from odelt.layout.paths import ExperimentPaths

SHOWN = 10  # images of a strip
SHOWN_LARGE = 3  # where they are larger than 32×32


def first_of_each_class(labels: np.ndarray, count: int = SHOWN) -> np.ndarray:
    """Indices of at most `count` samples: the first of each class, and where classes are few the next ones too."""
    _, first = np.unique(labels, return_index=True)
    rest = np.setdiff1d(np.arange(len(labels)), first)
    chosen = np.concatenate([first[:count], rest])[:count]
    return chosen[np.argsort(labels[chosen], kind="stable")]


def sample_cells(
    experiment: Experiment, layout: ExperimentPaths
) -> tuple[dict[tuple[int | None, int], np.ndarray], list[int]]:
    """Images [K, H, W, C] in [-1, 1] by (length, T) of the model with the inner ODE, EMA weights, and their K labels.

    The same samples in every cell; sets that have not been made are left out. Where few and many steps are guided
    differently, one T has one cell all the same: the grid evaluates it at one guidance.
    """
    cells: dict[tuple[int | None, int], np.ndarray] = {}
    labels: list[int] = []
    for point in grid.pictured_points(experiment):
        path = layout.pictures(point) if experiment.latent else layout.samples(point)
        if not path.exists():
            continue
        made = read_arrays(path, ("samples", "labels"))
        small = made["samples"].shape[1] <= 32
        shown = first_of_each_class(made["labels"], SHOWN if small else SHOWN_LARGE)
        labels = made["labels"][shown].tolist()
        assert point.solver.T is not None  # only such points are pictured
        cells.setdefault((point.group.length, point.solver.T), _floats(made["samples"][shown]))
    return cells, labels


def _floats(images: np.ndarray) -> np.ndarray:
    """Images in [-1, 1], from 8 bits where they are stored so."""
    return images / np.float32(127.5) - 1 if images.dtype == np.uint8 else images
