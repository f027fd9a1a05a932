import math

import pytest
from celebahq import CELEBAHQ, pick, rows_of, score_all, whole_run, write, write_score

from odelt.errors import OdeltError
from odelt.layout.grid import points
from odelt.layout.paths import ExperimentPaths
from odelt.publishing import main_table, tables
from odelt.results import metrics
from odelt.results.rows import rows
from odelt.results.seeds import over_seeds


@pytest.fixture
def faces(tmp_path):
    return whole_run(tmp_path)


def test_the_columns_are_those_that_such_scores_can_have(faces):
    columns = list(rows_of(faces)[0])
    assert [column for column in columns if column.startswith("fid_")] == [
        *("fid_ours", "fid_jax", "fid_recomputed", "fid_clean"),
    ]
    assert not {"agreement", "floor", "kid"} & set(columns)
    assert columns[-1] == "score"


def test_a_metric_that_one_score_has_is_a_column_of_all(faces):
    write_score(faces, points(CELEBAHQ)[2], 10.0, kid=0.004)
    found = [row["kid"] for row in rows_of(faces)]
    assert found[2] == 0.004 and set(found) == {0.004, "not run"}


def test_sms_readme_is_compared_under_ours_and_the_authors_script_under_jax(faces):
    made = rows_of(faces)
    (sm,) = pick(made, model="sm", weights="ema", solver="euler:128")
    assert (sm["published"], sm["published_statistics"]) == (6.9, "ours")
    assert sm["difference"] == pytest.approx(11.0 - 6.9) and sm["verdict"] == "differs (worse)"
    assert sm["published_others"] == "6.01511 (odelt_scaling, jax)"
    (released,) = pick(made, model="odelt-released", length=8, solver="euler:128")
    assert (released["published_statistics"], released["published_ambiguous"]) == ("jax", "")
    assert released["difference"] == pytest.approx(10.0 - 7.868789673)
    (tuned,) = pick(made, model="sm-ft", solver="euler:128")
    assert (tuned["published_statistics"], tuned["published_ambiguous"]) == ("jax", "yes")


def test_without_the_statistics_that_a_number_belongs_to_it_is_not_run(faces):
    point = next(point for point in points(CELEBAHQ) if point.group.model == "sm")
    write(faces.score(point), {"samples": 64, "evaluations": 1, "frechet_distance": 20.5, "fid": {"jax": 20.5}})
    row = rows_of(faces)[0]
    assert (row["fid_ours"], row["difference"], row["verdict"]) == ("not run", "", "not run")


def test_the_published_adaptive_numbers_stand_beside_d_0(faces):
    made = pick(rows_of(faces), model="odelt", length=4, solver="dopri5:1e-3", seed=10)
    assert {row["d"]: row["published"] for row in made} == {0: 15.14557552, 7: "nothing published"}


def test_without_references_nothing_is_published(faces):
    made = rows("celebahq-b", CELEBAHQ, faces)
    assert {row["verdict"] for row in made} == {"nothing published"}


def test_every_row_names_its_score_file_from_the_experiments_folder(faces):
    made = rows_of(faces)
    assert all((faces.root / row["score"]).is_file() for row in made)
    assert len({row["score"] for row in made}) == len(made)
    assert rows_of(ExperimentPaths(faces.root / "elsewhere"))[0]["score"] == ""


def test_a_model_has_a_row_for_each_seed_and_downloaded_weights_have_none(faces):
    made = rows_of(faces)
    assert [row["seed"] for row in pick(made, model="odelt", length=4, solver="euler:2")] == [10, 0, 20]
    assert {row["seed"] for row in pick(made, model="odelt-released")} == {""}


def test_all_seeds_have_the_latency_that_was_timed_with_the_first(faces):
    made = pick(rows_of(faces), model="odelt", length=4, solver="euler:2")
    assert [row["latency_s"] for row in made] == [0.08] * 3


def test_the_spread_over_seeds_widens_the_verdict_of_each_of_them(faces):
    distance = {10: 25.0, 0: 31.0, 20: 37.0}  # std 6, published 30.96
    score_all(faces, lambda run, length, solver: distance.get(run.seed, 10.0))
    made = pick(rows_of(faces), model="odelt", length=4, solver="euler:1", weights="ema")
    assert [row["verdict"] for row in made] == ["reproduced"] * 3
    for path in faces.root.glob("scores/odelt-seed*/ema/l4/euler-1_*.json"):
        path.unlink()
    (alone, *_) = pick(rows_of(faces), model="odelt", length=4, solver="euler:1", weights="ema")
    assert alone["verdict"] == "differs (better)"


def test_over_seeds_a_cell_has_mean_deviation_and_all_score_files(faces):
    distance = {10: 25.0, 0: 31.0, 20: 37.0}
    score_all(faces, lambda run, length, solver: distance.get(run.seed, 10.0))
    (cell,) = pick(over_seeds(rows_of(faces)), model="odelt", length=4, solver="euler:1", weights="ema")
    assert (cell["fid_jax"], cell["fid_jax_std"]) == pytest.approx((31.0, 6.0))
    assert cell["difference"] == pytest.approx(31.0 - 30.96321869) and cell["verdict"] == "reproduced"
    assert (cell["seeds"], cell["seeds_run"], cell["seeds_wanted"]) == ("10 0 20", 3, 3)
    assert [score.split("/")[1] for score in cell["score"].split()] == ["odelt", "odelt-seed0", "odelt-seed20"]
    assert math.isclose(cell["latency_s"], 0.04)


@pytest.fixture
def coverage(monkeypatch, faces):
    """Scores of three seeds with a metric that is declared in the one list and nowhere else: 0.1, 0.2 and 0.6."""
    metric = metrics.Metric("coverage", "{:.2f}", "Coverage: share of the real images that are met.")
    monkeypatch.setitem(metrics.METRICS, "coverage", metric)
    for point in points(CELEBAHQ):
        run = point.group.model
        share = {"odelt": 0.1, "odelt-seed0": 0.2, "odelt-seed20": 0.6}.get(run, 0.3)
        write_score(faces, point, 10.0, coverage=share)
    return faces


def test_a_metric_that_is_declared_once_is_a_column_with_the_mean_over_seeds(coverage, tmp_path):
    made = rows_of(coverage)
    (cell,) = pick(over_seeds(made), model="odelt", length=4, solver="euler:1", weights="ema")
    assert cell["coverage"] == pytest.approx(0.3)
    assert cell["coverage_std"] == pytest.approx(0.2645751)
    main_table.write_main(made, None, tmp_path / "main")
    assert {"coverage", "coverage_std"} <= set(
        (tmp_path / "main.csv").read_text(encoding="utf-8").partition("\n")[0].split(",")
    )
    tables.write_grid(made, None, tmp_path / "grid")
    assert "Coverage: share of the real images that are met." in (tmp_path / "grid.md").read_text(encoding="utf-8")


def test_a_column_that_differs_between_seeds_and_is_not_declared_is_an_error(coverage, monkeypatch):
    made = rows_of(coverage)
    monkeypatch.delitem(metrics.METRICS, "coverage")
    with pytest.raises(OdeltError, match="the column 'coverage', which has no mean; name it"):
        over_seeds(made)


def test_over_seeds_what_is_not_run_yet_is_left_out_of_the_mean(faces):
    next(faces.root.glob("scores/odelt-seed20/ema/l4/euler-1_*.json")).unlink()
    (cell,) = pick(over_seeds(rows_of(faces)), model="odelt", length=4, solver="euler:1", weights="ema")
    assert (cell["seeds"], cell["seeds_run"], cell["seeds_wanted"]) == ("10 0", 2, 3)
    (empty, *_) = over_seeds(rows_of(ExperimentPaths(faces.root / "elsewhere")))
    assert (empty["frechet_distance"], empty["frechet_distance_std"], empty["verdict"]) == ("not run", None, "not run")


def test_a_damaged_list_of_distances_is_named(faces):
    point = points(CELEBAHQ)[0]
    write_score(faces, point, 10.0, fid=[1, 2])
    with pytest.raises(OdeltError, match="damaged"):
        rows_of(faces)
