"""What solvers declare holds for what they compute."""

import subprocess
import sys

import jax
import numpy as np
import pytest

from odelt.config import Solver
from odelt.solvers import SOLVERS

FIXED = {name: method for name, method in SOLVERS.items() if method.fixed}
ADAPTIVE = {name: method for name, method in SOLVERS.items() if not method.fixed}


def test_declarations_need_no_jax():
    code = "import sys, odelt.config, odelt.solvers; sys.exit(bool({'jax', 'diffrax'} & sys.modules.keys()))"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("name", SOLVERS)
def test_a_solver_is_in_the_table_under_its_own_name(name):
    assert SOLVERS[name].name == name


@pytest.mark.parametrize("method", FIXED.values(), ids=FIXED)
def test_twice_the_steps_divide_the_error_as_the_order_says(method):
    """dx/dt = (1 + t)·x from x = 1 has x(1) = e^1.5. In float64, but for the time."""

    def error(T):
        return float(abs(method.integrate(lambda x, t: (1 + t) * x, np.ones(1), T)[0][0] - np.exp(1.5)))

    with jax.enable_x64(True):
        assert np.log2(error(32) / error(64)) == pytest.approx(method.order, abs=0.15)


@pytest.mark.parametrize("method", ADAPTIVE.values(), ids=ADAPTIVE)
def test_an_adaptive_solver_is_expected_to_take_more_evaluations_for_a_finer_tolerance(method):
    coarse, fine = (method.assumed_evaluations(tolerance) for tolerance in (1e-1, 1e-5))
    assert method.per_step < coarse < fine


def test_the_expected_evaluations_are_near_those_of_the_published_latencies():
    """SPEC 11: CelebA-HQ at l = 12, seconds of Dopri5 over those of one of Euler's 128 steps."""
    seconds = {1e-1: 2.904486077, 1e-2: 3.503132770, 1e-3: 4.399596091, 1e-4: 7.323495498}
    for tolerance, published in seconds.items():
        taken = published / (13.13659565 / 128)
        assert SOLVERS["dopri5"].assumed_evaluations(tolerance) == pytest.approx(taken, rel=0.35)


@pytest.mark.parametrize("text", ["dopri5:1e-3", "dopri5:0.001", "dopri5:1.0E-3"])
def test_two_texts_of_one_tolerance_are_one_solver(text):
    assert Solver.parse(text) == Solver.parse("dopri5:1e-3")
    assert str(Solver.parse(text)) == "dopri5:1e-3"
