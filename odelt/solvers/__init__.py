"""Solvers of the outer ODE over time (SPEC 5): what each declares, and what it computes.

A new solver is a module here, or a line of `runge_kutta`, and a name in `SOLVERS`. Nothing here imports jax before it
integrates, so that a configuration can be checked without it.
"""

from odelt.solvers.consistency import CONSISTENCY
from odelt.solvers.euler import EULER
from odelt.solvers.heun_fixed import HEUN_FIXED
from odelt.solvers.method import FINEST_D, MAX_STEPS, Method
from odelt.solvers.runge_kutta import IMPLICIT, RUNGE_KUTTA

SOLVERS: dict[str, Method] = {method.name: method for method in (EULER, HEUN_FIXED, CONSISTENCY, *RUNGE_KUTTA)}

__all__ = ["FINEST_D", "IMPLICIT", "MAX_STEPS", "SOLVERS", "Method"]
