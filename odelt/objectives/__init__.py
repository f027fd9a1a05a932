"""What the network is trained towards (SPEC 4): rows of (x_t, t, d, y) with the velocity each is regressed on.

A new objective is a module here and a name in `OBJECTIVES`. Nothing here imports jax before rows are made, so that a
configuration can be checked without it.
"""

from odelt.objectives.bootstrap import BOOTSTRAPS
from odelt.objectives.fm import FM
from odelt.objectives.icfm import ICFM
from odelt.objectives.naive import NAIVE
from odelt.objectives.objective import FINEST_D, Bootstrap, Objective
from odelt.objectives.rfm import RFM
from odelt.objectives.shortcut import SHORTCUT

OBJECTIVES: dict[str, Objective] = {objective.name: objective for objective in (SHORTCUT, NAIVE, FM, ICFM, RFM)}

__all__ = ["BOOTSTRAPS", "FINEST_D", "OBJECTIVES", "Bootstrap", "Objective"]
