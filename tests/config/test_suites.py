"""The suites that come with the project: what they ask for, and that the rehearsal is the paper's own DAG."""

import pathlib
import re

import pytest

from odelt import config
from odelt.config.registry import load_registry
from odelt.layout import grid, paths

CONFIG = pathlib.Path(__file__).parents[2] / "config"
SUITES = {name: config.load_suite(CONFIG / f"{name}.yaml") for name in ("paper", "rehearsal", "mini", "mini-baselines")}

# Where the rehearsal may differ: sizes, step counts, sample counts, rates, values on the grid's axes, addresses.
SIZES = ("image", "classes", "width", "heads", "depth", "group", "min_length", "batch_size", "subset")
COUNTS = ("steps", "warmup_steps", "checkpoint_every", "log_every", "samples", "repeats", "seconds")
RATES = ("learning_rate", "weight_decay", "ema_rate")  # whatever their values, the same code runs
AXES = ("solvers", "seeds", "lengths")
ADDRESSES = ("lock", "proxy", "certificate", "note", "path")


def differences(paper: object, rehearsal: object, where: str = "") -> list[str]:
    """The dotted keys whose values differ."""
    if isinstance(paper, dict) and isinstance(rehearsal, dict):
        found = [f"{where}.{key}" for key in paper.keys() ^ rehearsal.keys()]
        return found + [
            d for key in paper.keys() & rehearsal for d in differences(paper[key], rehearsal[key], f"{where}.{key}")
        ]
    if isinstance(paper, list) and isinstance(rehearsal, list) and len(paper) == len(rehearsal):
        return [
            d for k, pair in enumerate(zip(paper, rehearsal, strict=True)) for d in differences(*pair, f"{where}.{k}")
        ]
    return [] if paper == rehearsal else [where]


def enabled(name: str) -> dict:
    suite = SUITES[name]
    return suite.model_dump(mode="json") | {
        "experiments": {k: e.model_dump(mode="json") for k, e in suite.enabled.items()}
    }


def test_the_rehearsal_differs_from_the_paper_in_sizes_counts_rates_axes_and_addresses_only():
    allowed = {*SIZES, *COUNTS, *RATES, *AXES, *ADDRESSES}
    found = [re.sub(r"\.\d+$", "", key) for key in differences(enabled("paper"), enabled("rehearsal"))]
    assert found
    assert [key for key in found if key.rpartition(".")[2] not in allowed] == []


def test_the_comparison_sees_what_is_not_allowed():
    changed = enabled("rehearsal")
    changed["experiments"]["imagenet-b"]["models"]["odelt"]["training"]["bootstrap"] = "plain"
    assert ".experiments.imagenet-b.models.odelt.training.bootstrap" in differences(enabled("paper"), changed)


def test_the_rehearsal_has_the_paper_s_experiments_rows_and_kinds_of_rules():
    for name, experiment in SUITES["paper"].enabled.items():
        rehearsed = SUITES["rehearsal"].enabled[name]
        rows = {
            (p.group.weights, p.solver.method, p.d, p.guidance, _model(experiment, p)) for p in grid.points(experiment)
        }
        assert rows == {
            (p.group.weights, p.solver.method, p.d, p.guidance, _model(rehearsed, p)) for p in grid.points(rehearsed)
        }


def _model(experiment, point) -> str:
    return grid.runs(experiment)[point.group.model].model


@pytest.mark.parametrize("suite", SUITES)
def test_every_source_is_in_the_registry(suite):
    registry = load_registry(CONFIG / "sources.yaml")
    assert all(registry[name] for name in paths.sources_of(SUITES[suite]))


def test_the_paper_s_training_is_that_of_the_specification():
    """SPEC 4.6: two stages of 100,000 steps at 1e-4 and 1e-5, from SM's weights."""
    for experiment in SUITES["paper"].enabled.values():
        for name in ("sm-ft", "odelt"):
            second = experiment.models[name]
            first = experiment.models[second.start]
            assert (first.start, second.start) == ("sm", f"{name}-stage1")
            assert [m.training.learning_rate for m in (first, second)] == [1e-4, 1e-5]
            for model in (first, second):
                t = model.training
                assert (t.steps, t.warmup_steps, t.batch_size, t.ema_rate, t.weight_decay) == (
                    100000,
                    5000,
                    256,
                    0.999,
                    0.1,
                )


def test_the_released_recipe_is_a_model_of_each_experiment_and_made_only_if_the_grid_names_it():
    """SPEC 9.5, 9.7: shared images and noise, lengths drawn independently; otherwise as our own model is trained."""
    for experiment in SUITES["paper"].enabled.values():
        for name in ("odelt-stage1", "odelt"):
            ours, released = experiment.models[name], experiment.models[name.replace("odelt", "odelt-as-released")]
            switches = {"images": "shared", "length_draw": "independent", "icfm_noise": "released"}
            assert released.training == ours.training.model_copy(update=switches)
        assert released.start == "odelt-as-released-stage1" and experiment.models[released.start].start == "sm"
        assert not any("as-released" in run.name for run in grid.needed_runs(experiment))
        block = {"models": ["odelt-as-released"], "solvers": ["euler:4"]}
        raw = experiment.model_dump(mode="json", exclude_unset=True)
        raw["evaluation"]["grid"].append(block)
        asked = grid.needed_runs(config.parse(config.Experiment, raw, "the experiment"))
        assert {run.name for run in asked} >= {"odelt-as-released", "odelt-as-released-stage1"}


@pytest.mark.parametrize(
    "experiment, dropout, class_dropout, classes, guidance, bootstrap, sizes",
    [
        ("celebahq-b", 0.1, 1.0, 1, 0, "plain", (12, 4, 4)),
        ("imagenet-b", 0, 0.1, 1000, 1.5, "guided", (12, 4, 4)),
        ("imagenet-xl", 0, 0.1, 1000, 1.5, "guided", (28, 8, 12)),
    ],
)
def test_the_table_of_experiments(experiment, dropout, class_dropout, classes, guidance, bootstrap, sizes):
    """SPEC 4.6's table."""
    settings = SUITES["paper"].enabled[experiment]
    for model in settings.models.values():
        if t := model.training:
            assert (t.dropout, t.class_dropout, t.guidance, t.bootstrap.name) == (
                dropout,
                class_dropout,
                guidance,
                bootstrap,
            )
    network = config.network_of(settings)
    assert (network.classes, network.image, network.channels) == (classes, (32, 32), 4)
    assert (network.depth, network.group, network.min_length) == sizes


def test_the_paper_s_grid():
    """SPEC 6: all T, all lengths, adaptive at four tolerances with d = 7 and 1e-3 with d = 0; raw weights."""
    for name, experiment in SUITES["paper"].enabled.items():
        points = grid.points(experiment)
        for model in ("sm", "sm-ft", "odelt", "odelt-released"):
            lengths = config.network_of(experiment).lengths if experiment.models[model].inner_ode else (None,)
            for length in lengths:
                of_ema = [p for p in points if p.group == grid.SampleGroup(model, "ema", length)]
                assert {p.solver.T for p in of_ema if p.solver.T} == {2**k for k in range(8)}
                assert {(p.solver.parameter, p.d) for p in of_ema if not p.solver.T} == {
                    *((10.0**-k, 7) for k in range(1, 5)),
                    # The published adaptive numbers, which CelebA-HQ has at every tolerance, are with d = 0.
                    *((10.0**-k, 0) for k in (range(1, 5) if name == "celebahq-b" else [3])),
                }
        main = {"celebahq-b": [1, 4, 128]}.get(name, [1, 4, 64, 128])
        assert grid.main_steps(experiment) == main
        guidance = {p.solver.T: p.guidance for p in grid.main_points(experiment)}
        assert guidance == ({1: 0, 4: 0, 128: 0} if name == "celebahq-b" else {1: 1, 4: 1, 64: 1.5, 128: 1.5})


def test_imagenet_b_has_four_seeds_from_one_first_stage():
    runs = grid.runs(SUITES["paper"].enabled["imagenet-b"])
    seeds = {name: run.seed for name, run in runs.items() if run.model == "odelt"}
    assert seeds == {"odelt": 10, "odelt-seed0": 0, "odelt-seed20": 20, "odelt-seed30": 30}
    assert {runs[name].start for name in seeds} == {"odelt-stage1"}


@pytest.mark.parametrize("name, steps, rows", [("celebahq-b", 410000, 64), ("imagenet-b", 810000, 256)])
def test_sms_baselines_are_there_and_off_with_sms_recipe_from_scratch(name, steps, rows):
    """SPEC 4.7."""
    experiment = SUITES["paper"].experiments[f"{name}-baselines"]
    assert not experiment.enabled
    assert {model.training.objective.name for model in experiment.models.values()} == set(experiment.models)
    for model, settings in experiment.models.items():
        t = settings.training
        assert (t.steps, t.batch_size, t.learning_rate) == (steps, rows, 1e-4), model
        assert (t.warmup_steps, t.decay_share, t.ema_rate) == (0, 0, 0.999), model
        assert settings.start == ("naive" if t.objective.distils else "scratch"), model


def test_the_comparison_of_objectives_is_between_equals():
    """One network, as many steps of the optimiser for each row, and no setting of one row alone."""
    experiment = SUITES["mini-baselines"].experiments["digits"]
    released = {"images", "length_draw", "icfm_noise"}  # what the released recipe does otherwise
    for name, settings in experiment.models.items():
        own = {"objective", "steps", "warmup_steps"}  # the warm-up is the same share of each run
        own |= released if name == "odelt-as-released" else set()
        t, start = settings.training, experiment.models.get(settings.start)
        assert t.model_dump(exclude=own) == experiment.models["naive"].training.model_dump(exclude=own)
        assert t.warmup_steps / t.steps == 0.1
        assert t.steps + (start.training.steps if start else 0) == (500 if name.endswith("-half") else 1000)
    sampled = {(p.group.model, p.solver.method.name) for p in grid.points(experiment)}
    models = {model for model in experiment.models if not model.endswith("-half")}
    consistent = {"consistency-distillation", "consistency-training"}
    assert sampled == {(m, "euler") for m in models - {"consistency-training"}} | {
        (m, "consistency") for m in consistent
    }
    assert {point.solver.T for point in grid.points(experiment)} == {1, 4, 32, 128}


def test_the_ablations_are_there_and_off():
    off = {name for name, experiment in SUITES["paper"].experiments.items() if not experiment.enabled}
    assert off == {
        "celebahq-b-baselines",
        "imagenet-b-baselines",
        "celebahq-b-few",
        "celebahq-b-g1",
        "celebahq-b-g2",
        "celebahq-b-g4",
    }


def test_the_ablations_partners_without_inner_ode_are_trained_at_the_rate_of_the_authors_log():
    """SPEC 4.6: at 2e-5, and shortcut's partner again at 1e-4."""
    for name in ("celebahq-b-g1", "celebahq-b-g2", "celebahq-b-g4"):
        for model, settings in SUITES["paper"].experiments[name].models.items():
            if settings.training:
                partner = not settings.inner_ode and model != "sm-ft-redone"
                assert settings.training.learning_rate == (2e-5 if partner else 1e-4), (name, model)


def test_the_cheapest_check_has_the_samples_and_the_weights_of_the_authors_log():
    few = SUITES["paper"].experiments["celebahq-b-few"]
    assert few.evaluation.samples == 4096 and not any(model.training for model in few.models.values())
    assert {(p.solver.T, p.group.weights) for p in grid.points(few)} == {
        (T, w) for T in (1, 4, 128) for w in ("ema", "raw")
    }
