"""Lipman's flow matching (SPEC 4.5)."""

from odelt.objectives.objective import Flow, Objective

SIGMA = 0.01  # the noise that is left at t = 1


def path(x0, x1, t, epsilon):
    """x_t = t·x_1 + (1 − (1−σ)·t)·x_0; v = (x_1 − (1−σ)·x_t) / (1 − (1−σ)·t). The noise x_0 is the ε of SPEC 4.5."""
    spread = 1 - (1 - SIGMA) * t
    x = t * x1 + spread * x0
    return x, (x1 - (1 - SIGMA) * x) / spread


FM = Objective(name="fm", flow=Flow(path=path, settings_choose_times=True))
