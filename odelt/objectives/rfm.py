"""Rectified flow: the straight path from noise to data (SPEC 4.5)."""

from odelt.objectives.objective import Flow, Objective


def straight(x0, x1, t, epsilon):
    """x_t = (1 − t)·x_0 + t·x_1; v = x_1 − x_0."""
    return (1 - t) * x0 + t * x1, x1 - x0


RFM = Objective(name="rfm", flow=Flow(path=straight, settings_choose_times=True))
