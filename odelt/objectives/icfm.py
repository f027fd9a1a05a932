"""Independent conditional flow matching: the straight path, blurred (SPEC 4.5)."""

from odelt.objectives.objective import Flow, Objective
from odelt.objectives.rfm import straight

SIGMA = 0.01  # of the blur


def path(x0, x1, t, epsilon):
    """x_t = (1 − t)·x_0 + t·x_1 + σ·ε; v = x_1 − x_0."""
    x, velocity = straight(x0, x1, t, epsilon)
    return x + SIGMA * epsilon, velocity


ICFM = Objective(name="icfm", flow=Flow(path=path, needs_epsilon=True, settings_choose_times=True))
