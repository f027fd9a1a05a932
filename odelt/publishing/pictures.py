"""Which samples the picture grid shows."""

import numpy as np

from odelt import grid
from odelt.config import Experiment
from odelt.data.dataset import read_arrays


def sample_cells(experiment: Experiment, layout: grid.Layout) -> tuple[dict[tuple[int, int], np.ndarray], list[int]]:
    """Images [K, H, W, C] by (length, T) of the model with the inner ODE, EMA weights, and their K labels.

    The first sample of each class, the same ones in every cell; sets that have not been made are left out.
    """
    cells, shown, labels = {}, np.array([], int), []
    for point in grid.points(experiment):
        group = point.group
        path = layout.samples(point)
        if (
            not experiment.models[group.model].inner_ode
            or group.weights != "ema"
            or point.solver.adaptive
            or not path.exists()
        ):
            continue
        made = read_arrays(path, ("samples", "labels"))
        if not cells:
            classes, shown = np.unique(made["labels"], return_index=True)
            labels = classes.tolist()
        cells[group.length, point.solver.steps] = made["samples"][shown]
    return cells, labels
