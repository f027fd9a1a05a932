"""An earlier run's numbers as what later runs are compared with."""

import pathlib

import pytest
import yaml
from digits import DIGITS, write_latency, write_score

from odelt.config import Suite, load_suite
from odelt.errors import OdeltError
from odelt.layout.grid import points, programs, runs
from odelt.layout.paths import ExperimentPaths
from odelt.publishing.main_table import write_main
from odelt.publishing.verdict_table import write_verdicts
from odelt.results import expectations
from odelt.results.comparisons import published_beside
from odelt.results.expectations import write_expectations
from odelt.results.references import load_references
from odelt.results.rows import rows

CONFIG = pathlib.Path(__file__).parents[2] / "config"
COMMIT = "c" * 40


def with_seeds(*seeds: int) -> Suite:
    """mini.yaml with these seeds for every model."""
    raw = yaml.safe_load((CONFIG / "mini.yaml").read_text(encoding="utf-8"))
    for model in raw["experiments"]["digits"]["models"].values():
        model["seeds"] = list(seeds)
    return Suite.model_validate(raw)


def scored(folder: pathlib.Path, suite: Suite, spread: float = 0.0) -> ExperimentPaths:
    """Scores and latencies; the k-th cell's distance is k + 1, of the seeds 11 and 12 less and more by that share."""
    settings, layout = suite.enabled["digits"], ExperimentPaths(folder / "digits")
    cells: dict[tuple, int] = {}
    for point in points(settings):
        run = runs(settings)[point.group.model]
        cell = (run.model, point.group.weights, point.group.length, point.name)
        k = cells.setdefault(cell, len(cells))
        shift = {10: 0, 11: -spread, 12: spread}[run.seed]
        write_score(layout, point, (k + 1) * (1 + shift))
    write_latency(layout, programs(settings))
    return layout


@pytest.fixture(autouse=True)
def recorded(monkeypatch):
    """As if every score had a record."""
    known = type("Record", (), {"code": type("Code", (), {"commit": COMMIT})})
    monkeypatch.setattr(expectations.record, "read", lambda path: known)


def expected(tmp_path, suite, spread=0.0):
    """The layout of a run, and its numbers as references."""
    layout = scored(tmp_path / "run", suite, spread)
    write_expectations("mini", suite, tmp_path / "run", tmp_path / "expected.yaml")
    return layout, load_references(tmp_path / "expected.yaml")


def compared(layout, references):
    """Mini's rows, each with its expected number."""
    beside = published_beside(rows("digits", DIGITS, layout), references)
    return [one for (one,) in beside]


def test_the_same_run_reproduces_every_number_of_its_own_to_the_digit(tmp_path):
    layout, references = expected(tmp_path, with_seeds(10))
    found = compared(layout, references)
    assert len(references.fids) == len(found) == len(points(DIGITS))
    assert {(one.difference, one.verdict) for one in found} == {(0.0, "reproduced")}


def test_of_several_seeds_the_first_gives_the_number_and_all_the_spread(tmp_path):
    _, references = expected(tmp_path, with_seeds(10, 11, 12), spread=0.5)
    found = {one.value: one.deviation for one in references.fids}
    assert found == {k + 1: pytest.approx((k + 1) / 2) for k in range(len(points(DIGITS)))}


def test_the_spread_of_the_earlier_run_widens_what_counts_as_reproduced(tmp_path):
    _, references = expected(tmp_path, with_seeds(10, 11, 12), spread=0.5)
    layout = scored(tmp_path / "later", with_seeds(10))
    for shift, verdict in ((1.0, "reproduced"), (-1.0, "reproduced"), (1.01, "differs (worse)")):
        write_score(layout, points(DIGITS)[0], 1 + shift + 1e-9 * (shift < 0))
        first = compared(layout, references)[0]
        assert first.verdict == verdict and first.number.deviation == 0.5


def test_its_source_says_where_it_comes_from_and_nobody_types_that(tmp_path):
    _, references = expected(tmp_path, with_seeds(10, 11, 12))
    (source,) = references.sources.values()
    assert source.commit == COMMIT and source.earlier_run.machine == "a laptop, 2 cores"
    assert source.earlier_run.seeds == [10, 11, 12] and "suite=mini" in source.earlier_run.command
    assert (
        (tmp_path / "expected.yaml")
        .read_text(encoding="utf-8")
        .startswith("# Numbers of an earlier run of this project")
    )


def test_the_tables_say_that_it_is_no_publication(tmp_path):
    layout, references = expected(tmp_path, with_seeds(10))
    found = rows("digits", DIGITS, layout)
    write_main(found, references, tmp_path / "main")
    write_verdicts(found, references, tmp_path / "verdicts")
    for name in ("main.md", "verdicts.md"):
        text = (tmp_path / name).read_text(encoding="utf-8")
        assert "“Published” stands for an earlier run of this project, suite mini, which is no publication" in text
        assert f"{30 if name == 'main.md' else 41} of " in text and "(not a publication) reproduced" in text
        assert "published numbers" not in text


def test_what_was_not_run_is_not_expected(tmp_path):
    layout = scored(tmp_path / "run", with_seeds(10))
    layout.score(points(DIGITS)[0]).unlink()
    write_expectations("mini", with_seeds(10), tmp_path / "run", tmp_path / "expected.yaml")
    assert len(load_references(tmp_path / "expected.yaml").fids) == len(points(DIGITS)) - 1


def test_nothing_run_and_no_record_are_told_in_one_line(tmp_path, monkeypatch):
    with pytest.raises(OdeltError, match="has no scores of the suite 'mini'; make it first"):
        write_expectations("mini", with_seeds(10), tmp_path, tmp_path / "expected.yaml")
    scored(tmp_path / "run", with_seeds(10))
    monkeypatch.undo()
    with pytest.raises(OdeltError, match="has no record that can be read") as error:
        write_expectations("mini", with_seeds(10), tmp_path / "run", tmp_path / "expected.yaml")
    assert "\n" not in str(error.value) and not (tmp_path / "expected.yaml").exists()


def test_the_committed_expectations_are_of_every_cell_of_mini():
    suite = load_suite(CONFIG / "mini.yaml")
    references = load_references(CONFIG.parent / suite.published)
    found = compared(ExperimentPaths(pathlib.Path("nowhere")), references)
    assert len(found) == len(references.fids) == 41
    assert all(one.number.value for one in found)
