"""What the network is trained towards (SPEC 4): rows of (x_t, t, d, y) with the velocity each is regressed on.

A new objective is a module here and a name in `OBJECTIVES`. Nothing here imports jax before rows are made, so that a
configuration can be checked without it.
"""

from odelt.objectives.bootstrap import BOOTSTRAPS
from odelt.objectives.consistency_distillation import CONSISTENCY_DISTILLATION
from odelt.objectives.consistency_training import CONSISTENCY_TRAINING
from odelt.objectives.fm import FM
from odelt.objectives.icfm import ICFM
from odelt.objectives.live_reflow import LIVE_REFLOW
from odelt.objectives.naive import NAIVE
from odelt.objectives.objective import Bootstrap, Objective
from odelt.objectives.progressive import PROGRESSIVE
from odelt.objectives.rfm import RFM
from odelt.objectives.shortcut import SHORTCUT

OBJECTIVES: dict[str, Objective] = {
    objective.name: objective
    for objective in (
        SHORTCUT,
        NAIVE,
        FM,
        ICFM,
        RFM,
        PROGRESSIVE,
        CONSISTENCY_DISTILLATION,
        CONSISTENCY_TRAINING,
        LIVE_REFLOW,
    )
}
DEFAULT_OBJECTIVE = SHORTCUT

__all__ = ["BOOTSTRAPS", "DEFAULT_OBJECTIVE", "OBJECTIVES", "Bootstrap", "Objective"]
