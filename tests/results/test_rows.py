import math

import pytest
from celebahq import CELEBAHQ, REFERENCES, errors, pick, rows_of, score_all, whole_run, write, write_score

from odelt.errors import OdeltError
from odelt.layout.grid import points
from odelt.layout.paths import ExperimentPaths
from odelt.publishing import main_table, tables
from odelt.results import columns
from odelt.results.columns import Column, of_statistics
from odelt.results.comparisons import published_beside
from odelt.results.row import over_seeds


@pytest.fixture
def faces(tmp_path):
    return whole_run(tmp_path)


def compared(rows, **wanted):
    """What is published of each of these rows; rows of other seeds widen the verdict."""
    chosen = pick(rows, **wanted)
    return [beside for row, beside in zip(rows, published_beside(rows, REFERENCES), strict=True) if row in chosen]


def test_the_columns_are_those_that_such_scores_can_have(faces):
    names = [column.name for column in rows_of(faces)[0].columns]
    assert [name for name in names if name.startswith("fid_")] == ["fid_ours", "fid_jax", "fid_recomputed", "fid_clean"]
    assert not {"agreement", "floor", "kid"} & set(names)


def test_a_metric_that_one_score_has_is_a_column_of_all(faces):
    write_score(faces, points(CELEBAHQ)[2], 10.0, kid=0.004)
    (kid,) = [column for column in columns.COLUMNS if column.name == "kid"]
    found = [row.value(kid) for row in rows_of(faces) if kid in row.columns]
    assert found[2] == 0.004 and found.count(None) == len(found) - 1 == len(points(CELEBAHQ)) - 1


def test_sms_readme_is_compared_under_ours_and_the_authors_script_under_jax(faces):
    made = rows_of(faces)
    ((sm, script),) = compared(made, model="sm", weights="ema", solver="euler:128")
    assert (sm.number.value, sm.number.statistics) == (6.9, "ours")
    assert sm.difference == pytest.approx(11.0 - 6.9) and sm.verdict == "differs (worse)"
    assert (script.number.source, script.number.statistics) == ("odelt_scaling", "jax")
    ((released,),) = compared(made, model="odelt-released", length=8, solver="euler:128")
    assert (released.number.statistics, released.number.ambiguous) == ("jax", False)
    assert released.difference == pytest.approx(10.0 - 7.868789673)
    ((tuned,),) = compared(made, model="sm-ft", solver="euler:128")
    assert (tuned.number.statistics, tuned.number.ambiguous) == ("jax", True)


def test_without_the_statistics_that_a_number_belongs_to_it_is_not_run(faces):
    point = next(point for point in points(CELEBAHQ) if point.group.model == "sm")
    write(faces.score(point), {"samples": 64, "evaluations": 1, "frechet_distance": 20.5, "fid": {"jax": 20.5}})
    made = rows_of(faces)
    first = published_beside(made, REFERENCES)[0][0]
    assert made[0].value(of_statistics("ours")) is None
    assert (first.ours, first.difference, first.verdict) == (None, None, "not run")


def test_the_published_adaptive_numbers_stand_beside_d_0(faces):
    of = {"model": "odelt", "length": 4, "solver": "dopri5:1e-3", "seed": 10}
    made = rows_of(faces)
    found = zip(pick(made, **of), compared(made, **of), strict=True)
    assert {row.cell.d: [one.number.value for one in beside] for row, beside in found} == {0: [15.14557552], 7: []}


def test_without_references_nothing_is_published(faces):
    assert not any(published_beside(rows_of(faces), None))


def test_every_row_names_its_score_file_from_the_experiments_folder(faces):
    made = rows_of(faces)
    files = {score.file for row in made for score in row.scores}
    assert len(files) == len(made) and all((faces.root / file).is_file() for file in files)
    assert rows_of(ExperimentPaths(faces.root / "elsewhere"))[0].scores == ()


def test_a_model_has_a_row_for_each_seed_and_downloaded_weights_have_none(faces):
    made = rows_of(faces)
    assert [row.seeds for row in pick(made, model="odelt", length=4, solver="euler:2")] == [(10,), (0,), (20,)]
    assert {row.seeds for row in pick(made, model="odelt-released")} == {(None,)}


def test_all_seeds_have_the_latency_that_was_timed_with_the_first(faces):
    made = pick(rows_of(faces), model="odelt", length=4, solver="euler:2")
    assert [row.latency for row in made] == [0.08] * 3


def test_the_spread_over_seeds_widens_the_verdict_of_each_of_them(faces):
    distance = {10: 25.0, 0: 31.0, 20: 37.0}  # std 6, published 30.96
    score_all(faces, lambda run, length, solver: distance.get(run.seed, 10.0))
    of = {"model": "odelt", "length": 4, "solver": "euler:1", "weights": "ema"}
    assert [one.verdict for (one,) in compared(rows_of(faces), **of)] == ["reproduced"] * 3
    for path in faces.root.glob("scores/odelt-seed*/ema/l4/euler-1_*.json"):
        path.unlink()
    ((alone,), *_) = compared(rows_of(faces), **of)
    assert alone.verdict == "differs (better)"


def test_a_verdict_without_seeds_has_the_standard_error_over_samples(faces):
    of = {"model": "odelt-released", "length": 4, "solver": "euler:1", "weights": "ema"}  # published 30.96
    for error, verdict in ((None, "differs (worse)"), (1.4, "differs (worse)"), (1.6, "reproduced")):
        score_all(faces, lambda run, length, solver: 34.0, **(errors(error) if error else {}))
        ((one,),) = compared(rows_of(faces), **of)
        assert (one.uncertainty, one.error, one.deviation, one.verdict) == (error, error, None, verdict)


@pytest.mark.parametrize(("error", "widest"), [(1.0, 6.0), (7.0, 7.0)])
def test_with_seeds_the_wider_of_their_spread_and_the_standard_error_counts(faces, error, widest):
    distance = {10: 25.0, 0: 31.0, 20: 37.0}  # std 6
    score_all(faces, lambda run, length, solver: distance.get(run.seed, 10.0), **errors(error))
    of = {"model": "odelt", "length": 4, "solver": "euler:1", "weights": "ema"}
    assert [one.uncertainty for (one,) in compared(rows_of(faces), **of)] == [pytest.approx(widest)] * 3
    (row,) = pick(over_seeds(rows_of(faces)), **of)
    jax = of_statistics("jax")
    assert (row.deviation(jax), row.standard_error(jax)) == pytest.approx((6.0, error))


def test_each_distance_has_its_own_standard_error_and_older_scores_have_none(faces):
    of = {"model": "sm", "solver": "euler:1", "weights": "ema"}
    (old,) = pick(rows_of(faces), **of)
    score_all(faces, lambda run, length, solver: 10.0, **errors(0.25))
    (new,) = pick(rows_of(faces), **of)
    found = {column.name: new.standard_error(column) for column in new.columns if column.is_distance}
    distances = {"frechet_distance": 0.5, "fid_ours": 0.5, "fid_jax": 0.25, "fid_recomputed": None, "fid_clean": 0.5}
    assert found == distances
    assert not any(old.standard_error(column) or old.uncertainty(column) for column in old.columns)


def test_over_seeds_a_cell_has_mean_deviation_and_all_score_files(faces):
    distance = {10: 25.0, 0: 31.0, 20: 37.0}
    score_all(faces, lambda run, length, solver: distance.get(run.seed, 10.0))
    (row,) = pick(over_seeds(rows_of(faces)), model="odelt", length=4, solver="euler:1", weights="ema")
    jax = of_statistics("jax")
    assert (row.value(jax), row.deviation(jax)) == pytest.approx((31.0, 6.0))
    ((one,),) = published_beside([row], REFERENCES)
    assert one.difference == pytest.approx(31.0 - 30.96321869) and one.verdict == "reproduced"
    assert row.seeds == (10, 0, 20) == tuple(score.seed for score in row.scores)
    assert [score.file.split("/")[1] for score in row.scores] == ["odelt", "odelt-seed0", "odelt-seed20"]
    assert math.isclose(row.latency, 0.04)


@pytest.fixture
def coverage(faces):
    """Scores of three seeds with a number that no column has: 0.1, 0.2 and 0.6."""
    for point in points(CELEBAHQ):
        run = point.group.model
        share = {"odelt": 0.1, "odelt-seed0": 0.2, "odelt-seed20": 0.6}.get(run, 0.3)
        write_score(faces, point, 10.0, coverage=share)
    return faces


def test_a_metric_that_is_declared_once_is_a_column_with_the_mean_over_seeds(coverage, monkeypatch, tmp_path):
    metric = Column("coverage", "coverage", "{:.2f}", "Coverage: share of the real images that are met.")
    monkeypatch.setattr(columns, "COLUMNS", (*columns.COLUMNS, metric))
    made = rows_of(coverage)
    (row,) = pick(over_seeds(made), model="odelt", length=4, solver="euler:1", weights="ema")
    assert row.value(metric) == pytest.approx(0.3)
    assert row.deviation(metric) == pytest.approx(0.2645751)
    main_table.write_main(made, None, tmp_path / "main")
    assert {"coverage", "coverage_std"} <= set(
        (tmp_path / "main.csv").read_text(encoding="utf-8").partition("\n")[0].split(",")
    )
    tables.write_grid(made, None, tmp_path / "grid")
    text = (tmp_path / "grid.md").read_text(encoding="utf-8")
    assert "| coverage |" in text and "Coverage: share of the real images that are met." in text


def test_a_number_that_is_not_declared_is_no_column(coverage, tmp_path):
    tables.write_grid(rows_of(coverage), None, tmp_path / "grid")
    assert "coverage" not in (tmp_path / "grid.csv").read_text(encoding="utf-8")


def test_over_seeds_what_is_not_run_yet_is_left_out_of_the_mean(faces):
    next(faces.root.glob("scores/odelt-seed20/ema/l4/euler-1_*.json")).unlink()
    (row,) = pick(over_seeds(rows_of(faces)), model="odelt", length=4, solver="euler:1", weights="ema")
    assert row.seeds == (10, 0, 20) and [score.seed for score in row.scores] == [10, 0]
    (empty, *_) = over_seeds(rows_of(ExperimentPaths(faces.root / "elsewhere")))
    assert (empty.distance, empty.deviation(columns.FRECHET)) == (None, None)
    assert published_beside([empty], REFERENCES)[0][0].verdict == "not run"


def test_a_damaged_list_of_distances_is_named(faces):
    point = points(CELEBAHQ)[0]
    write_score(faces, point, 10.0, fid=[1, 2])
    with pytest.raises(OdeltError, match="damaged"):
        rows_of(faces)
