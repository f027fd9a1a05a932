"""What a path says, and what paths are made of, are each other's inverse."""

import pathlib

import pytest

from odelt.config import Suite, load_suite, parse, subfolders
from odelt.errors import OdeltError
from odelt.layout import grid, paths
from odelt.layout.targets import Target, UnknownTarget

CONFIG = pathlib.Path(__file__).parents[2] / "config"
SUITES = {name: load_suite(CONFIG / f"{name}.yaml") for name in ("paper", "mini")}
WITHIN = paths.SuitePaths(pathlib.PurePosixPath())
EXPERIMENTS = [(suite, name) for suite, content in SUITES.items() for name in content.enabled]


def target(suite: str, path: pathlib.PurePath) -> Target:
    return Target(SUITES[suite], suite, path.as_posix())


@pytest.mark.parametrize("suite, name", EXPERIMENTS)
def test_a_path_of_a_point_is_read_back_as_the_point(suite, name):
    files, experiment = WITHIN.experiment(name), SUITES[suite].experiments[name]
    for point in grid.points(experiment)[::7]:
        for path in (files.samples, files.features, files.statistics, files.pictures, files.score):
            read = target(suite, path(point))
            assert (read.experiment_name, read.experiment, read.point) == (name, experiment, point)


@pytest.mark.parametrize("suite, name", EXPERIMENTS)
def test_a_path_of_a_run_or_a_timing_is_read_back(suite, name):
    files, experiment = WITHIN.experiment(name), SUITES[suite].experiments[name]
    for run in grid.runs(experiment).values():
        for path in (files.model(run.name), files.weights(run.name), files.curve(run.name)):
            assert target(suite, path).run == run
    for timed in grid.latency_points(experiment):
        older = target(suite, files.latency_of_model(*timed))
        assert older.timed == timed and older.is_superseded
    assert not target(suite, files.latency).is_superseded


def test_a_datasets_files_belong_to_the_first_experiment_that_uses_it():
    files = WITHIN.dataset("celebahq-256")
    for path in (files.images, files.latents, files.real_statistics, files.codec_error):
        assert target("paper", path).user_of_dataset is next(iter(SUITES["paper"].enabled.values()))


@pytest.mark.parametrize("path", ["", "digits", "digits/scores/floor.json", "digits/scores/sm/ema/l3/euler-1_w1.json"])
def test_what_is_no_point_of_the_suite_is_said_to_be_none(path):
    with pytest.raises(UnknownTarget):
        _ = Target(SUITES["mini"], "mini", path).point


def test_features_of_real_images_are_known_by_their_path():
    files = WITHIN.experiment("digits")
    assert target("mini", files.real_features).is_of_real_images
    assert not target("mini", files.features("sm/ema/full/euler-1_w1")).is_of_real_images


def test_no_experiment_may_have_the_name_of_a_folder():
    names = {value for name, value in vars(subfolders).items() if name.isupper() and isinstance(value, str)}
    experiment = SUITES["mini"].experiments["digits"].model_dump(mode="json")
    for name in names:
        with pytest.raises(OdeltError, match=f"experiments.{name}: a folder of the results has this name"):
            parse(Suite, {"seed": 10, "experiments": {name: experiment}}, "a suite")
