"""Targets of every objective for given noise, data and times, against SM's code and the released one (SPEC 10)."""

import numpy as np
import pytest
from conftest import case_of, relative_error

import odelt
from odelt.objectives import OBJECTIVES


def assert_golden(made, case: dict, rows=slice(None)):
    x, velocity = made
    assert relative_error(x, case["x_t"][rows]) < 1e-5
    assert relative_error(velocity, case["target"][rows]) < 1e-5


@pytest.mark.parametrize("phase, guidance", [(0, 1), (0, 1.5), (3, 1.5), (6, 1)])
def test_progressive_distillation(baselines, baseline_models, phase, guidance):
    case = case_of(baselines, f"progressive/phase={phase},guidance={guidance}")
    given = (case["x0"], baselines["x1"], case["t"], case["labels"])
    made = odelt.target("progressive", *given, teacher=baseline_models["teacher"], guidance=guidance, phase=phase)
    assert_golden(made, case)


def test_consistency_distillation(baselines, baseline_models):
    case = case_of(baselines, "consistency-distillation")
    given = (case["x0"], baselines["x1"], case["t"], case["labels"])
    networks = {"teacher": baseline_models["teacher"], "ema": baseline_models["ema"]}
    assert_golden(odelt.target("consistency-distillation", *given, **networks), case)


@pytest.mark.parametrize("phase", [0, 4])
def test_consistency_training(baselines, baseline_models, phase):
    case = case_of(baselines, f"consistency-training/phase={phase}")
    given = (case["x0"], baselines["x1"], case["t"], case["labels"])
    assert_golden(odelt.target("consistency-training", *given, ema=baseline_models["ema"], phase=phase), case)


@pytest.mark.parametrize("guidance", [0, 1.5])
def test_live_reflow(baselines, baseline_models, guidance):
    """The first two rows are reflow rows of images 0 and 1, row j of the others the flow row of image j − 2."""
    case = case_of(baselines, f"live-reflow/guidance={guidance}")
    x0, x1, t, y = case["x0"], baselines["x1"], case["t"], case["labels"]
    reflow = odelt.target(
        "live-reflow", x0[:2], x1[:2], t[:2], y[:2], student=baseline_models["student"], guidance=guidance
    )
    assert_golden(reflow, case, slice(2))
    assert_golden(odelt.target("naive", x0[:-2], x1[:-2], t[2:], y[2:]), case, slice(2, None))


def test_shortcut_by_the_plain_and_by_the_guided_rule(imported, golden):
    """The file has x_t only: a path from it to itself is there at every t."""
    model = odelt.load_model(imported / "odelt", "raw")
    t, y, d = (golden[f"bootstrap/{name}"] for name in "tyd")
    x0 = golden["x"]
    for guidance, name in ((1, "target"), (1.5, "target_guided_null_half")):
        x, velocity = odelt.target("shortcut", x0, x0, t, y, d=d, ema=model, guidance=guidance)
        assert relative_error(x, x0) < 1e-6
        assert relative_error(velocity, golden[f"bootstrap/{name}"]) < 1e-5


def test_shortcut_at_the_finest_step_size_is_flow_matching_and_asks_no_network():
    x0, x1 = np.random.default_rng(0).standard_normal((2, 3, 4, 4, 1), np.float32)
    t, y = np.array([0, 0.25, 0.5]), np.arange(3)
    x, velocity = odelt.target("shortcut", x0, x1, t, y)
    assert np.array_equal(velocity, x1 - x0)
    assert np.allclose(x, (1 - t)[:, None, None, None] * x0 + t[:, None, None, None] * x1)


def test_rows_of_every_step_size_may_stand_in_one_batch(imported, golden):
    model = odelt.load_model(imported / "odelt", "raw")
    given = (golden["x"], golden["x"][::-1], np.zeros(len(golden["x"])), golden["y"])
    d = np.array([7, 3] * 3)
    mixed = odelt.target("shortcut", *given, d=d, ema=model)[1]
    assert relative_error(mixed[::2], odelt.target("shortcut", *given)[1][::2]) < 1e-6
    assert relative_error(mixed[1::2], odelt.target("shortcut", *given, d=3, ema=model)[1][1::2]) < 1e-5


@pytest.mark.parametrize("name", ["naive", "fm", "icfm", "rfm"])
def test_plain_objectives_need_no_network(name):
    x0, x1, eps = np.random.default_rng(0).standard_normal((3, 2, 4, 4, 1), np.float32)
    x, velocity = odelt.target(name, x0, x1, 0.5, 0, eps=eps)
    later, _ = odelt.target(name, x0, x1, 0.501, 0, eps=eps)
    assert relative_error((np.asarray(later) - np.asarray(x)) / 0.001, velocity) < 1e-2


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"objective": "progresive"}, "did you mean 'progressive'"),
        ({"objective": "progressive"}, "asks the network 'teacher': give a model as teacher="),
        ({"objective": "shortcut", "d": 3}, "asks the network 'ema'"),
        ({"objective": "icfm"}, "needs ε"),
        ({"objective": "naive", "phase": 7}, "phase 7: there are the phases 0 to 6"),
        ({"objective": "naive", "x1": np.zeros((2, 4, 4, 2))}, "they must be equal"),
        ({"objective": "naive", "t": 1.5}, "times go from 0"),
    ],
)
def test_what_cannot_be_a_target_gets_one_line(arguments, message):
    given = {"x0": np.zeros((2, 4, 4, 1)), "x1": np.zeros((2, 4, 4, 1)), "t": 0, "y": 0}
    with pytest.raises(odelt.OdeltError, match=message):
        odelt.target(**(given | arguments))


def test_the_objectives_in_the_table_are_the_specifications():
    plain = {"shortcut", "naive", "fm", "icfm", "rfm"}
    assert set(OBJECTIVES) == plain | {"progressive", "consistency-distillation", "consistency-training", "live-reflow"}
