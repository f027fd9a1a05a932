"""The straight path as SM's naive flow matching draws it: a little noise is left at t = 1 (SPEC 4.5)."""

from odelt.objectives.objective import Flow, Objective

FLOOR = 1e-5  # of the noise, at t = 1


def path(x0, x1, t, epsilon):
    """x_t = (1 − (1−1e−5)·t)·x_0 + t·x_1; v = x_1 − (1−1e−5)·x_0."""
    return (1 - (1 - FLOOR) * t) * x0 + t * x1, x1 - (1 - FLOOR) * x0


NAIVE = Objective(name="naive", flow=Flow(path=path))
