"""What is a valid suite, and what a wrong one is told."""

import copy
import pathlib

import pytest
import yaml

from odelt import OdeltError, config
from odelt.layout import grid

ROOT = pathlib.Path(__file__).parents[2]
MINI = ROOT / "config" / "mini.yaml"


def changed(*path_and_value):
    """mini.yaml with one value changed (None removes the key)."""
    *path, key, value = path_and_value
    raw = copy.deepcopy(yaml.safe_load(MINI.read_text(encoding="utf-8")))
    place = raw["experiments"]["digits"]
    for step in path:
        place = place[step]
    if value is None:
        del place[key]
    else:
        place[key] = value
    return raw


@pytest.mark.parametrize(
    "path_and_value, message",
    [
        (("netwrok", {}), "unknown key 'experiments.digits.netwrok'; did you mean 'network'?"),
        (("models", "sm", "training", "batchsize", 1), "unknown key '.*batchsize'; did you mean 'batch_size'?"),
        (("models", "sm", "training", "batch_size", 0), "batch_size: input should be greater than or equal to 16"),
        (("models", "sm", "training", "steps", "many"), "steps: input should be a valid integer"),
        (("models", "odelt", "start", "sn"), "no model 'sn'; did you mean 'sm'?"),
        (("models", "sm", "start", "odelt"), "the starts go round in a circle: sm <- odelt <- sm"),
        (("models", "scratch", {}), "experiments.digits.models.scratch"),
        (("network", "heads", 5), "heads: 5 does not divide the width 32"),
        (("evaluation", "batch_size", 0), "evaluation.batch_size: input should be greater than or equal to 1"),
        (("evaluation", "grid", 1, "lengths", [2, 3]), "length 3 is not allowed; this network has 2, 4, 6"),
        (("evaluation", "grid", 0, "solvers", ["euler:0"]), "'euler:0': .* whole number from 1 to 1,000,000"),
        (("evaluation", "grid", 0, "solvers", ["kvaerno5:1e-3"]), "'kvaerno5:1e-3': it is implicit"),
        (("evaluation", "grid", 0, "joint", True), "'euler:1': its steps are fixed, so nothing is controlled jointly"),
        (("evaluation", "grid", 0, "models", ["odlt"]), "no model 'odlt'; did you mean 'odelt'?"),
        (("evaluation", "grid", 0, "d", 8), "d: input should be less than or equal to 7"),
        (("models", "sm", "training", "objective", "shortcat"), "'shortcat' is none of .*; did you mean 'shortcut'?"),
        (("models", "sm", "training", "bootstrap", "guide"), "'guide' is none of .*; did you mean 'guided'?"),
        (("models", "odelt", "training", "objective", "live-reflow"), "inner_ode: false is needed for .*'live-reflow'"),
        (("models", "sm", "training", "objective", "progressive"), "sm.start: .*'progressive' distils a model"),
        (
            ("models", "sm", "training", "objective", "consistency-training"),
            "evaluation.grid.0.solvers: solver 'euler:1' makes no sense .* use consistency:T",
        ),
        (("models", "sm", "label", None), "experiments.digits.models.sm.label: field required"),
    ],
)
def test_a_wrong_suite_gets_one_line_that_names_the_key(path_and_value, message):
    with pytest.raises(OdeltError, match=message) as error:
        config.parse(config.Suite, changed(*path_and_value), "config/mini.yaml")
    assert "\n" not in str(error.value) and str(error.value).startswith("config/mini.yaml: ")


def test_a_suite_that_is_not_there_gets_the_nearest():
    with pytest.raises(OdeltError, match="there is no suite 'mimi'.*did you mean 'mini'?"):
        config.load_suite(ROOT / "config" / "mimi.yaml")


@pytest.mark.parametrize("text", ["euler:3", "heun-fixed:8", "dopri5:1.5e-3", "heun:9.9e-1", "dopri8:1e-4:joint64"])
def test_a_solver_is_read_from_what_it_says(text):
    assert str(config.Solver.parse(text)) == text


def test_minis_grid_is_the_one_that_was_asked_for():
    """Raw weights at the T of the main table."""
    experiment = config.load_suite(MINI).experiments["digits"]
    paths = {point.path for point in grid.points(experiment)}
    euler = {f"{m}/ema/{n}/euler-{T}_w1" for m, n in (("sm", "full"), ("sm-ft", "full")) for T in (1, 4, 32, 128)}
    euler |= {f"odelt/ema/l{n}/euler-{T}_w1" for n in (2, 4, 6) for T in (1, 4, 32, 128)}
    adaptive = {f"odelt/ema/l{n}/dopri5-{s}_w1" for n in (2, 6) for s in ("1e-2_d7", "1e-3_d7", "1e-3_d0")}
    raw = {path.replace("/ema/", "/raw/") for path in euler if "euler-32" not in path}
    assert paths == euler | adaptive | raw


def test_sm_fine_tuned_and_odelt_have_the_same_budget():
    models = config.load_suite(MINI).experiments["digits"].models
    assert models["sm-ft"].training == models["odelt"].training
    assert models["sm-ft"].start == models["odelt"].start == "sm"


def test_the_environments_are_current(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "envs")
    import generate

    for world in generate.WORLDS:
        assert (ROOT / "envs" / f"{world}.yaml").read_text(encoding="utf-8") == generate.environment(world)
