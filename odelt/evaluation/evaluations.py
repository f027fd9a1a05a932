"""How often a sample set's programs evaluated the vector field."""

from typing import Any

import numpy as np
from jaxtyping import Real

from odelt.config import Solver


def counts(evaluations: Real[np.ndarray, "*samples"], solver: str | None) -> dict[str, Any]:
    """`evaluations`, the mean over samples [N], and, if the solver is known, `largest_evaluations`.

    A program goes on until its last row has arrived. So its time is that of the largest number among its rows, and
    `largest_evaluations` is the mean of that over the programs. An adaptive solver's have 64 rows, or its joint ones.
    """
    mean = {"evaluations": float(evaluations.mean())}
    if solver is None or not evaluations.ndim:  # of older versions, which kept the mean alone
        return mean
    rows = Solver.parse(solver).rows(len(evaluations))
    largest = [int(evaluations[k : k + rows].max()) for k in range(0, len(evaluations), rows)]
    return mean | {"largest_evaluations": float(np.mean(largest))}
