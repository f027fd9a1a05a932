"""Integration over time reproduces the released code's samples (SPEC 10)."""

import dataclasses
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import relative_error

import odelt
from odelt.config import Solver
from odelt.objectives import OBJECTIVES
from odelt.sampling import solvers
from odelt.sampling.solvers import Program, program
from odelt.solvers import SOLVERS

EULER = [
    "euler/T=1,length=2,guidance=1.0",
    "euler/T=4,length=4,guidance=1.0",
    "euler/T=4,length=8,guidance=1.5",
    "euler/T=8,length=2,guidance=0.0",
]


def test_every_golden_euler_solution_is_tested(golden):
    assert sorted(EULER) == sorted(name for name in golden if name.startswith("euler/"))


@pytest.mark.parametrize("name", EULER)
def test_euler(golden_model, golden, name):
    steps, length, guidance = re.fullmatch(r"euler/T=(\d+),length=(\d+),guidance=(.+)", name).groups()
    x1 = odelt.integrate(golden_model, golden["x"], golden["y"], f"euler:{steps}", int(length), float(guidance))
    assert relative_error(x1, golden[name]) < 1e-5


def test_dopri5_as_one_system(golden_model, golden):
    """d = 0 as the release conditions it; one evaluation to begin, six for each of the solver's four steps."""
    prepared = program(golden_model, Solver.parse("dopri5:1e-3"), 4, 1.0, 0, as_one=True)
    run = prepared.run(golden["x"], golden["y"])
    assert relative_error(run.x1, golden["dopri5/tol=1e-3,length=4,d=0"]) < 1e-4
    assert run.evaluations().tolist() == [1 + 6 * int(golden["dopri5/evaluations"])] * 6


class Counted(solvers.Field):
    """A field that counts its evaluations; it turns so fast that adaptive solvers reject some of their steps."""

    def __new__(cls):
        return super().__new__(cls, None, None, None)

    def __init__(self):
        self.count = 0

    __eq__, __hash__ = object.__eq__, object.__hash__  # each is compiled anew

    def bind(self, _weights, _guidance, _d, _y):
        def velocity(x, t):
            jax.debug.callback(self.tick)
            return 40 * jnp.cos(300 * t[0] ** 3) * x

        return velocity

    def tick(self):
        self.count += 1


@pytest.mark.parametrize("method", SOLVERS.values(), ids=SOLVERS)
def test_the_reported_evaluations_are_those_that_were_made(method):
    solver, field = Solver(method, 4 if method.fixed else 1e-3), Counted()
    prepared = Program((field, method, True), (None, 1.0, solver.parameter, 7.0), solver)
    run = prepared.run(np.ones((2, 2, 2, 1)), None, np.zeros((2, 4, 2, 2, 1)))
    reported = run.evaluations()
    jax.effects_barrier()
    assert reported.tolist() == [field.count] * 2


def test_adaptive_solvers_agree_with_many_euler_steps(imported, golden):
    """Conditioned on the same d = 7 they all integrate the same field."""
    model = odelt.load_model(imported / "odelt", "raw")
    fine = odelt.integrate(model, golden["x"], golden["y"], "euler:128", 4)
    for solver in [f"{name}:1e-4" for name, method in SOLVERS.items() if not method.fixed]:
        assert relative_error(odelt.integrate(model, golden["x"], golden["y"], solver, 4), fine) < 0.02


def test_the_step_size_condition_matters(imported, golden):
    model = odelt.load_model(imported / "odelt", "raw")
    coarse, fine = (odelt.integrate(model, golden["x"], golden["y"], "dopri5:1e-3", 4, d=d) for d in (0, 7))
    assert relative_error(coarse, fine) > 1e-3


@pytest.mark.parametrize(
    "text, message",
    [
        ("euler:0", "T is a whole number from 1 to 1,000,000"),
        ("euler:2.5", "T is a whole number from 1 to 1,000,000"),
        ("euler:" + "9" * 5000, "T is a whole number from 1 to 1,000,000"),
        ("heun-fixed:", "T is a whole number from 1 to 1,000,000"),
        ("dopri5:0", "from 1e-7 to below 1"),
        ("dopri5:x", "from 1e-7 to below 1"),
        ("tsit:1e-3", "did you mean 'tsit5'"),
        ("kvaerno5:1e-3", "it is implicit, so it needs Jacobians of the network"),
        ("euler:4:joint64", "its steps are fixed, so nothing is controlled jointly"),
        ("heun-fixed:4:joint64", "its steps are fixed, so nothing is controlled jointly"),
        ("dopri5:1e-3:joint0", "the joint samples are a number from 1 on"),
    ],
)
def test_a_solver_that_cannot_be_is_refused(text, message):
    with pytest.raises(odelt.OdeltError, match=message):
        Solver.parse(text)


@pytest.mark.parametrize("T, d", [(3, 1), (7, 2), (150, 7)])
def test_any_number_of_euler_steps_is_conditioned_on_the_step_size_below(imported, golden, T, d):
    """SPEC 5: d = floor(log2 T), at most 7."""
    model = odelt.load_model(imported / "odelt", "raw")
    own, given = (
        odelt.integrate(model, golden["x"], golden["y"], f"euler:{T}", 4, d=condition) for condition in (None, d)
    )
    other = odelt.integrate(model, golden["x"], golden["y"], f"euler:{T}", 4, d=d - 1)
    assert np.array_equal(own, given)
    assert relative_error(own, other) > 1e-3


def test_three_euler_steps_are_thirds(imported, golden):
    model = odelt.load_model(imported / "odelt", "raw")
    x = golden["x"]
    for i in range(3):
        x = x + np.asarray(odelt.velocity(model, x, i / 3, 1, golden["y"], length=4)) / 3
    assert relative_error(odelt.integrate(model, golden["x"], golden["y"], "euler:3", 4), x) < 1e-5


@pytest.mark.parametrize("d", [None, 2])
def test_heun_with_fixed_steps_ends_with_a_step_of_eulers(imported, golden, d):
    """SPEC 5; conditioned on d = 7 unless another is asked for."""
    model = odelt.load_model(imported / "odelt", "raw")

    def v(x, t):
        return np.asarray(odelt.velocity(model, x, t, 7 if d is None else d, golden["y"], length=4))

    x = golden["x"]
    for t in (0, 1 / 3):
        v1 = v(x, t)
        x = x + (v1 + v(x + v1 / 3, t + 1 / 3)) / 6
    x = x + v(x, 2 / 3) / 3
    assert relative_error(odelt.integrate(model, golden["x"], golden["y"], "heun-fixed:3", 4, d=d), x) < 1e-5


def test_weights_without_a_length_table_have_the_conventional_path_only(imported, golden):
    model = odelt.load_model(imported / "sm", "raw")
    assert np.isfinite(odelt.integrate(model, golden["x"], golden["y"], "euler:2")).all()
    with pytest.raises(odelt.OdeltError, match="no length table"):
        odelt.integrate(model, golden["x"], golden["y"], "euler:2", length=4)


def test_eulers_step_size_condition_can_be_given(imported, golden):
    """SPEC 4.5: objectives that ignore d are sampled with d = 0."""
    model = odelt.load_model(imported / "odelt", "raw")
    x = golden["x"]
    for i in range(2):
        x = x + np.asarray(odelt.velocity(model, x, i / 2, 0, golden["y"], length=4)) / 2
    found = odelt.integrate(model, golden["x"], golden["y"], solver="euler:2", length=4, d=0)
    own = odelt.integrate(model, golden["x"], golden["y"], solver="euler:2", length=4)
    assert relative_error(found, x) < 1e-5 < 1e-3 < relative_error(own, x)


def model_of(imported, objective):
    return dataclasses.replace(odelt.load_model(imported / "odelt", "raw"), objective=OBJECTIVES[objective])


@pytest.mark.parametrize(
    "objective, conditions",
    [
        ("shortcut", {"euler:1": 0, "euler:4": 2, "euler:128": 7, "dopri5:1e-1": 7}),
        ("naive", {"euler:1": 0, "euler:4": 0, "euler:128": 0, "dopri5:1e-1": 0}),
        ("progressive", {"euler:4": 0, "euler:128": 0}),
        ("live-reflow", {"euler:1": 0, "euler:64": 0, "euler:128": 7, "dopri5:1e-1": 7}),
    ],
)
def test_a_network_gets_only_conditions_that_it_was_trained_with(imported, golden, objective, conditions):
    """SPEC 4.7, 9.14."""
    for solver, d in conditions.items():
        given = (golden["x"][:2], golden["y"][:2], solver)
        made = odelt.integrate(model_of(imported, objective), *given)
        assert np.array_equal(made, odelt.integrate(model_of(imported, "shortcut"), *given, d=d)), solver


def test_a_network_that_never_saw_d_is_asked_with_0_whatever_is_given(imported, golden):
    naive, shortcut = (model_of(imported, name) for name in ("naive", "shortcut"))
    x, t, y = (golden[name] for name in "xty")
    assert np.array_equal(odelt.velocity(naive, x, t, 5, y), odelt.velocity(shortcut, x, t, 0, y))
    with pytest.raises(odelt.OdeltError, match="'naive' never saw a step size; leave d out"):
        odelt.integrate(naive, x, y, "euler:4", d=2)
    assert np.array_equal(odelt.integrate(naive, x, y, "euler:4", d=0), odelt.integrate(naive, x, y, "euler:4"))


def test_a_solver_that_makes_no_sense_for_an_objective_is_refused(imported, golden):
    for objective, solver in (("progressive", "dopri5:1e-2"), ("consistency-training", "euler:4")):
        with pytest.raises(odelt.OdeltError, match=f"'{solver}' makes no sense for the objective '{objective}'; use"):
            odelt.integrate(model_of(imported, objective), golden["x"], golden["y"], solver)
