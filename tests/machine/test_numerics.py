"""Neither variables of the environment nor the settings of a library's user change what is computed."""

import subprocess
import sys

import jax
import numpy as np
import pytest

import odelt
from odelt import OdeltError
from odelt.config import Solver
from odelt.machine import numerics


@pytest.fixture
def model(imported):
    return odelt.load_model(imported / "odelt")


@pytest.mark.parametrize("solver", ["euler:2", "dopri5:0.1"])
def test_the_librarys_functions_do_not_depend_on_their_users_settings(model, golden, solver):
    def images():
        return np.asarray(odelt.integrate(model, golden["x"], golden["y"], solver=Solver.parse(solver), length=4))

    before = images()
    with jax.enable_x64(True), jax.numpy_rank_promotion("raise"), jax.numpy_dtype_promotion("strict"):
        after = images()
        velocity = odelt.velocity(model, golden["x"], 0.5, 3, golden["y"], length=4)
        assert jax.numpy.arange(2.0).dtype == np.float64  # the user's settings are as they were
    assert np.array_equal(before, after) and after.dtype == velocity.dtype == np.float32


def test_a_process_that_starts_jax_names_the_settings_that_have_no_effect(monkeypatch, capsys):
    monkeypatch.setenv("JAX_ENABLE_X64", "1\n")
    jax.config.update("jax_enable_x64", True)
    numerics.pin_process()
    said = "odelt: JAX_ENABLE_X64=1\\n has no effect: this project computes with jax_enable_x64=False\n"
    assert capsys.readouterr().err == said and jax.numpy.arange(2.0).dtype == np.float32
    numerics.pin_process()
    assert capsys.readouterr().err == ""


def test_a_variable_that_jax_refuses_is_named_in_one_line(monkeypatch):
    command = [sys.executable, "-c", "from odelt.machine import numerics; numerics.pin_process()"]
    monkeypatch.setenv("JAX_ENABLE_X64", "banana")
    done = subprocess.run(command, capture_output=True, encoding="utf-8")
    assert done.stderr.splitlines()[-1].startswith(f"{OdeltError.__module__}.OdeltError: JAX refuses a variable")
    assert "'JAX_ENABLE_X64'; unset it" in done.stderr.splitlines()[-1]
