"""Shortcuts: flow matching at the finest step size, time consistency at the others (SPEC 4.1, 4.2)."""

from odelt.objectives.objective import Consistency, Flow, Objective, Settings
from odelt.objectives.rfm import straight
from odelt.solvers import FINEST_D

HALF_STEPS = 2  # of the teacher, for each target


def rows(draw):
    from odelt.objectives import time_consistency

    return time_consistency.rows(draw)


def target(given):
    """For given d below 7: the plain target, or with guidance the target of the guided copy."""
    from odelt.objectives import time_consistency

    return time_consistency.target_of(given)


def draws(settings: Settings) -> int:
    """Returns how many images the consistency rows are made of: with pairs, half as many."""
    return settings.consistency_rows // (2 if settings.bootstrap.pairs else 1)


SHORTCUT = Objective(
    name="shortcut",
    flow=Flow(path=straight, d=FINEST_D),
    consistency=Consistency(
        rows=rows, target=target, evaluations=lambda settings: HALF_STEPS, d=tuple(range(FINEST_D)), draws=draws
    ),
)
