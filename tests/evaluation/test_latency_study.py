"""The latency study: what is measured of random weights, and its table."""

import csv
import json
import pathlib

import pytest

import odelt
from odelt import config
from odelt.config.latency_study import LatencyStudy, load_latency_study
from odelt.evaluation import latency_study
from odelt.publishing import latency_table
from odelt.results import latency_study as latency_rows
from odelt.results.columns import LATENCY, MEMORY, WEIGHT_MEMORY
from odelt.results.references import load_references

ROOT = pathlib.Path(__file__).parents[2]
NETWORK = {"width": 16, "heads": 2, "depth": 12, "group": 4, "min_length": 4, "channels": 1, "classes": 1}
STUDIED = {"network": {**NETWORK, "image": [4, 4]}, "batch_size": 2, "guidance": 0, "published": "celebahq-b"}
SETTINGS = {
    "seed": 0,
    "dtype": "bfloat16",
    "repeats": 2,
    "seconds": 0,
    "solvers": ["euler:1", "euler:4"],
    "networks": {"b": STUDIED},
}


def study(**changes) -> LatencyStudy:
    return config.parse(LatencyStudy, {**SETTINGS, **changes}, "a study")


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """The results of the network b, without its length 8."""
    folder = tmp_path_factory.mktemp("study")
    (folder / "b").mkdir()
    made = latency_study.measure(study(), "b")
    made["points"] = [point for point in made["points"] if point["length"] != 8]
    (folder / "b" / "programs.json").write_text(json.dumps(made), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def points(measured):
    """What was measured with one step, by length."""
    made = json.loads((measured / "b" / "programs.json").read_text(encoding="utf-8"))
    return {point["length"]: point for point in made["points"] if point["solver"] == "euler:1"}


@pytest.fixture(scope="module")
def rows(measured):
    return list(latency_rows.rows(study(), measured, load_references(ROOT / "config" / "reference.yaml")))


def test_the_papers_sizes_lengths_and_batches_are_studied():
    paper = load_latency_study(ROOT / "config" / "latency.yaml")
    suite = config.load_suite(ROOT / "config" / "paper.yaml")
    for name, experiment in {"b": suite.experiments["celebahq-b"], "xl": suite.experiments["imagenet-xl"]}.items():
        assert paper.networks[name].network == config.network_of(experiment)
        assert paper.networks[name].batch_size == experiment.evaluation.latency.batch_size
    assert [str(solver) for solver in paper.solvers] == ["euler:1", "euler:4", "euler:128"]
    small = load_latency_study(ROOT / "config" / "latency-small.yaml")
    lengths = [[studied.network.lengths for studied in one.networks.values()] for one in (paper, small)]
    assert lengths[0] == lengths[1]


def test_a_short_length_holds_its_own_blocks_only_in_the_type_of_the_computation(points):
    full, short = points["full"], points[4]
    block = 2 * (18 * 16**2 + 15 * 16)  # bytes in bfloat16: kernels and biases
    table = 2 * 13 * 16  # SM's network has no lengths
    assert full["weight_bytes"] - short["weight_bytes"] == 8 * block - table
    assert (full["effective_blocks"], short["effective_blocks"]) == (12, 4)


def test_memory_counts_what_a_program_needs_in_between(points):
    """Attention weights of 2 rows and 2 heads are more than images and labels; the weights are counted besides."""
    assert points["full"]["peak_bytes"] > points["full"]["weight_bytes"] + 2 * 2 * 4 * 4 * 4


def test_ratios_are_to_the_full_path_at_the_same_steps_and_the_papers_stand_beside(rows):
    of = {(row.length, str(row.solver)): row for row in rows}
    assert len(of) == 4 * 2
    short, full = of[4, "euler:4"], of[None, "euler:4"]
    assert full.ratio(LATENCY) == full.ratio(MEMORY) == 1
    assert short.ratio(LATENCY) == short.measured.latency_s / full.measured.latency_s
    assert short.ratio(WEIGHT_MEMORY) < 0.5
    assert short.published_ratio == pytest.approx(0.134881787 / 0.401605042)
    assert of[8, "euler:4"].measured is of[8, "euler:4"].ratio(LATENCY) is None


def test_the_table_and_the_figure_are_written_also_where_something_is_missing(rows, tmp_path):
    latency_table.write(rows, tmp_path / "latency")
    latency_table.figure(rows, tmp_path / "latency")
    with (tmp_path / "latency.csv").open(encoding="utf-8") as file:
        assert [row["effective_blocks"] for row in csv.DictReader(file)] == ["12", "12", "4", "4", "8", "8", "12", "12"]
    told = (tmp_path / "latency.md").read_text(encoding="utf-8")
    assert "| b | 4 (4) | 4 |" in told and "not run" in told
    linked = json.loads((tmp_path / "latency.links.json").read_text(encoding="utf-8"))["links"]
    assert {file for link in linked for file in link["files"]} == {"b/programs.json"}
    assert (tmp_path / "latency.svg").exists() and (tmp_path / "latency.png").exists()


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"solvers": ["dopri5:1e-3"]}, "solvers: how many steps dopri5:1e-3 takes depends on the weights"),
        ({"solvers": ["consistency:4"]}, "'consistency:4' makes no sense for the objective 'shortcut'"),
        ({"repeat": 3}, "unknown key 'repeat'; did you mean 'repeats'"),
    ],
)
def test_a_study_that_cannot_be_is_refused_in_one_line(changes, message):
    with pytest.raises(odelt.OdeltError, match=message):
        study(**changes)


def test_an_unknown_network_is_named():
    with pytest.raises(odelt.OdeltError, match="no network 'xl'; it has b"):
        latency_study.measure(study(), "xl")
    with pytest.raises(odelt.OdeltError, match="no network 'xl'; it has b"):
        latency_study.operations_of(study(), "xl")
