"""Runs and points of an experiment, and their names."""

import pathlib

import pytest
import yaml

from odelt import config
from odelt.errors import OdeltError
from odelt.layout import grid

CONFIG = pathlib.Path(__file__).parents[2] / "config"
PAPER = config.load_suite(CONFIG / "paper.yaml")
IMAGENET, GROUPS_OF_TWO = PAPER.experiments["imagenet-b"], PAPER.experiments["celebahq-b-g2"]


def evaluating(experiment: config.Experiment, *models: str) -> config.Experiment:
    """The experiment with these models in its grid and no others."""
    blocks = [block.model_copy(update={"models": list(models)}) for block in experiment.evaluation.grid]
    evaluation = experiment.evaluation.model_copy(update={"grid": blocks})
    return experiment.model_copy(update={"evaluation": evaluation})


def test_runs_that_the_grid_does_not_evaluate_are_needed_where_others_start_from_them():
    names = {run.name for run in grid.needed_runs(evaluating(IMAGENET, "sm-ft"))}
    assert names == {"sm-ft", "sm-ft-stage1", "sm"}


def test_without_trained_models_in_the_grid_nothing_is_trained():
    needed = grid.needed_runs(evaluating(IMAGENET, "sm", "odelt-released"))
    assert {run.name for run in needed} == {"sm", "odelt-released"}


def test_downloaded_points_are_those_of_downloaded_weights():
    assert {point.group.model for point in grid.downloaded_points(IMAGENET)} == {"sm", "odelt-released"}


def test_every_seed_is_sampled():
    sampled = {group.model for group in grid.sample_groups(IMAGENET) if group.model.startswith("odelt-seed")}
    assert sampled == {"odelt-seed0", "odelt-seed20", "odelt-seed30"}


def test_a_program_is_timed_once_whatever_weights_tolerance_and_scale():
    programs = [str(program) for program in grid.programs(IMAGENET)]
    assert len(set(programs)) == len(programs) == 4 * (3 + 5 + 1 + 1)  # lengths × (Euler, guided, adaptive, jointly)
    assert "full,euler:4" in programs and "4,euler:8,guided" in programs
    adaptive = [program for program in programs if program.startswith("12,dopri5")]
    assert adaptive == ["12,dopri5:1e-3,guided", "12,dopri5:1e-3:joint256,guided"]


def test_a_program_is_read_back_from_its_text():
    for program in grid.programs(IMAGENET):
        assert grid.ProgramKey.parse(str(program)) == program
    with pytest.raises(OdeltError, match="known solvers are"):
        grid.ProgramKey.parse("4,rk4:4")


def test_networks_that_were_trained_without_step_sizes_are_sampled_without():
    """SPEC 4.5: the d-embedding's input is 0, in sampling too."""
    d = {point.group.model: point.d for point in grid.points(GROUPS_OF_TWO)}
    assert d["odelt-rfm"] == d["sm-naive"] == 0 and d["odelt"] is d["sm"] is None


def points_of(**block) -> list[grid.Point]:
    """The points of a block for one model at one length."""
    made = config.parse(config.GridBlock, {"models": ["sm"], **block}, "block")
    evaluation = IMAGENET.evaluation.model_copy(update={"grid": [made]})
    return grid.points(IMAGENET.model_copy(update={"evaluation": evaluation}))


def test_any_number_of_steps_is_a_point_that_follows_from_it():
    (point,) = points_of(solvers=["euler:3"])
    assert (point.name, point.solver.T, point.solver.d) == ("euler-3_w1", 3, 1)


def test_heun_with_fixed_steps_has_a_condition_of_its_own():
    assert [point.name for point in points_of(solvers=["heun-fixed:8"])] == ["heun-fixed-8_d7_w1"]
    assert [point.name for point in points_of(solvers=["heun-fixed:8"], d=3)] == ["heun-fixed-8_d3_w1"]


def test_the_batch_size_of_a_joint_point_is_in_its_name():
    alone, joint = points_of(solvers=["dopri5:1e-3"], d=0), points_of(solvers=["dopri5:1e-3"], d=0, joint=True)
    size = IMAGENET.evaluation.batch_size
    assert [point.name for point in alone + joint] == ["dopri5-1e-3_d0_w1", f"dopri5-1e-3-joint{size}_d0_w1"]


def test_no_two_names_of_rules_are_the_same():
    assert grid.rule_name("sample", "x", "y-sm/ema/full") != grid.rule_name("sample", "x-y", "sm/ema/full")


def test_a_model_that_has_the_name_of_anothers_seed_is_refused():
    raw = IMAGENET.model_dump(mode="json")
    raw["models"]["odelt-seed0"] = raw["models"]["sm"]
    with pytest.raises(OdeltError, match="models.odelt-seed0: 'odelt' with seed 0 has this name"):
        config.parse(config.Experiment, raw, "imagenet-b")


@pytest.mark.parametrize("warmup, allowed", [(900, True), (901, False)])
def test_a_warm_up_ends_before_the_decay_begins(warmup, allowed):
    raw = {"steps": 1000, "learning_rate": 1e-3, "warmup_steps": warmup}
    if allowed:
        config.parse(config.Training, raw, "training")
    else:
        with pytest.raises(OdeltError, match="warmup_steps: 901 is more than 90 % of the 1000 steps"):
            config.parse(config.Training, raw, "training")


def test_a_run_starts_from_the_run_of_its_own_seed_or_else_from_the_first():
    raw = yaml.safe_load((CONFIG / "mini.yaml").read_text(encoding="utf-8"))
    models = raw["experiments"]["digits"]["models"]
    models["sm"]["seeds"], models["odelt"]["seeds"] = [10, 11], [11, 12, 10]
    runs = grid.runs(config.parse(config.Suite, raw, "suite").experiments["digits"])
    assert {name: run.start for name, run in runs.items()} == {
        **{"sm": None, "sm-seed11": None, "sm-ft": "sm"},
        **{"odelt": "sm-seed11", "odelt-seed12": "sm", "odelt-seed10": "sm"},
    }


def test_a_small_model_is_sampled_by_one_job_and_a_large_one_by_a_job_for_each_of_its_lengths():
    small = config.load_suite(CONFIG / "mini.yaml").experiments["digits"]
    assert list(grid.point_jobs(small)) == ["sm", "sm-ft", "odelt"]
    assert {"odelt/ema/l4", "odelt/ema/l12", "odelt/raw/l4"} <= grid.point_jobs(IMAGENET).keys()
    for experiment in (small, IMAGENET):
        of_jobs = [point for points in grid.point_jobs(experiment).values() for point in points]
        assert sorted(map(str, of_jobs)) == sorted(map(str, grid.points(experiment)))
