"""The outer ODE over time (SPEC 5): from noise to data."""

from odelt.sampling.sample_sets import Samples, generate
from odelt.sampling.solvers import integrate

__all__ = ["Samples", "generate", "integrate"]
