"""Solvers of the outer ODE over time (SPEC 5): what each declares, and what it computes.

A new solver is a module here, or a line of `runge_kutta`, and a name in `SOLVERS`. Nothing here imports jax before it
integrates, so that a configuration can be checked without it.
"""

from odelt.solvers.euler import EULER
from odelt.solvers.method import FINEST_D, MAX_STEPS, Method
from odelt.solvers.runge_kutta import DOPRI5, TSIT5

SOLVERS: dict[str, Method] = {method.name: method for method in (EULER, DOPRI5, TSIT5)}

__all__ = ["FINEST_D", "MAX_STEPS", "SOLVERS", "Method"]
