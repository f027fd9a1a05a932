"""What a table was made from is what it shows, and nothing else that happens to lie in the folder."""

import contextlib
import json
import pathlib
import shutil

import pytest

from odelt import cli
from odelt.config import load_suite
from odelt.layout import grid
from odelt.layout.paths import ExperimentPaths
from odelt.provenance import record

pytest_plugins = ("finished",)


@pytest.fixture
def project(whole, tmp_path):
    """A copy of the project with its results."""
    return shutil.copytree(whole.parent.parent, tmp_path / "project")


def inputs_of(project, verb: str, settings, out: str) -> set[str]:
    """The suite's files that the record of one of the verb's outputs names."""
    root = pathlib.Path("results", "tiny", "digits")
    options = ["--experiment", "digits", "--settings", json.dumps(settings.model_dump(mode="json"))]
    with contextlib.chdir(project):
        assert cli.main([verb, *options, "--results", str(root), "--out", str((root / out).parent)]) == 0
        known = record.read(record.record_path(pathlib.Path.cwd() / root / out))
    return {input.path for input in known.inputs if not input.external}


def test_the_main_table_is_made_from_its_own_points(project):
    """Raw weights mark its T: the other scores are there, and are not read."""
    settings = load_suite(project / "config" / "tiny.yaml").experiments["digits"]
    block = settings.evaluation.grid[0]
    raw = block.model_copy(update={"weights": "raw", "solvers": block.solvers[1:]})
    settings.evaluation.grid.append(raw)
    layout = ExperimentPaths(pathlib.Path("digits"))
    points = grid.main_points(settings)
    assert {str(point.solver) for point in points} == {"euler:2"} and len(grid.points(settings)) == 4
    scored = {str(layout.score(point)) for point in points if point.group.weights == "ema"}
    expected = scored | {"digits/latency/programs.json", "digits/scores/floor.json"}
    assert inputs_of(project, "main-table", settings, "tables/main.csv") == expected


def test_a_curve_of_a_run_that_the_grid_does_not_ask_for_gets_into_no_figure(project):
    settings = load_suite(project / "config" / "tiny.yaml").experiments["digits"]
    settings.models["other"] = settings.models["odelt"].model_copy(update={"label": "other"})
    models = project / "results" / "tiny" / "digits" / "models"
    shutil.copytree(models / "odelt", models / "other")
    assert "digits/models/other/training.csv" not in inputs_of(project, "figures", settings, "figures/training.svg")
