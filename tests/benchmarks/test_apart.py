"""Sides of a comparison in processes of their own."""

import functools

import jax
import measured  # noqa: F401  the benchmarks' folder is on the path from here on
import pytest

# isort: split
import apart
import baseline
import placing

from odelt.errors import OdeltError


def a_side(told: str) -> apart.Side:
    return apart.Side(lambda: None, {"told": told, "dispatches": jax.config.values["jax_cpu_enable_async_dispatch"]})


def a_mistake() -> apart.Side:
    raise OdeltError("solver 'heun': not known")


@pytest.mark.parametrize("prepare, dispatches", [(placing.prepare, False), (baseline.as_it_comes, True)])
def test_the_package_is_set_as_its_commands_are_and_the_baseline_is_not(prepare, dispatches):
    with apart.elsewhere(functools.partial(a_side, "a"), prepare) as side:
        assert side.figures == {"told": "a", "dispatches": dispatches}
        assert side.run() > 0


@pytest.mark.parametrize("lasts, calls", [(2 * apart.BRIEF, 1), (apart.BRIEF / 3.5, 1 + 4)])
def test_a_brief_call_is_timed_over_several(monkeypatch, lasts, calls):
    clock, counted = [0.0], []

    def run():
        clock[0] += lasts
        counted.append(clock[0])

    monkeypatch.setattr("time.perf_counter", lambda: clock[0])
    assert apart.time_of(run) == pytest.approx(lasts)
    assert len(counted) == calls


def test_bad_input_is_told_as_if_it_ran_here():
    with pytest.raises(OdeltError, match="heun"), apart.elsewhere(a_mistake, baseline.as_it_comes):
        pass
