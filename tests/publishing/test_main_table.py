import csv
import dataclasses

import pytest
from celebahq import REFERENCES, cells_by_row, errors, pick, rows_of, score_all, whole_run

from odelt.config import Solver
from odelt.layout.paths import ExperimentPaths
from odelt.publishing import tables
from odelt.publishing.main_table import main_rows, write_main
from odelt.results.columns import of_statistics


@pytest.fixture
def faces(tmp_path):
    layout = whole_run(tmp_path)
    score_all(layout, lambda run, length, solver: 20.0 + (10 if run.seed is None else run.seed) / 10)
    return layout


def read_csv(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_main_table_has_the_steps_that_raw_weights_are_evaluated_at(faces):
    made = main_rows(rows_of(faces), REFERENCES)
    assert {each.row.steps for each in made} == {1, 128}
    assert {each.row.cell.weights for each in made} == {"ema", "raw"}
    assert len(made) == 2 * (2 + 6 + 1 + 3)  # T × (two SM, two models at three lengths, and raw SM and ours)


def test_without_raw_weights_it_has_every_euler_step(faces):
    made = main_rows(pick(rows_of(faces), weights="ema"), REFERENCES)
    assert {each.row.steps for each in made} == {1, 2, 128}


def test_its_latency_is_relative_to_sm_beside_the_authors_own_ratio(faces):
    rows = pick(rows_of(faces), solver="euler:128", weights="ema")
    (each,) = [one for one in main_rows(rows, REFERENCES) if (one.row.cell.model, one.row.cell.length) == ("odelt", 4)]
    assert each.ratio.value == pytest.approx(4 / 12) and each.baseline.label == "SM (released)"
    assert each.published_ratio == pytest.approx(0.336, abs=1e-3)


def test_its_markdown_shows_mean_deviation_published_number_and_verdict(faces, tmp_path):
    write_main(rows_of(faces), REFERENCES, tmp_path / "main")
    text = (tmp_path / "main.md").read_text(encoding="utf-8")
    row = (
        "| ODE_t(ODE_l) (ours) | ema | 8 (8) | 23.10 ± 1.10 | 21.00 ± 1.00 | 25.20 ± 1.20 | 3 | 24.3 (jax) | -3.30 "
        "| differs (better) | 80.00 (76.00–84.00) | 80 M | 0.67× (published 0.76×) | 1.0 |"
    )
    assert row in text
    for told in ("## T = 128, guidance 0", "within 5%", "over 64 samples", "on a GPU", "FID (ours), T = 1, w = 0"):
        assert told in text


def test_where_no_spread_over_seeds_is_wider_the_standard_error_over_samples_stands_after_a_distance(faces, tmp_path):
    score_all(faces, lambda run, length, solver: 20.0 + (run.seed or 0) / 10, **errors(0.25))
    for name, write in {"main": write_main, "grid": tables.write_grid}.items():
        write(rows_of(faces), REFERENCES, tmp_path / name)
        text = (tmp_path / f"{name}.md").read_text(encoding="utf-8")
        assert "| 22.00 ± 0.50 | 20.00 ± 0.25 | 24.00 |" in text and "biased upwards" in text
        row = pick(read_csv(tmp_path / f"{name}.csv"), model="sm")[0]
        assert (row["fid_jax_se"], row["fid_recomputed_se"]) == ("0.25", "")
    text = (tmp_path / "main.md").read_text(encoding="utf-8")
    assert "| 23.10 ± 1.10 | 21.00 ± 1.00 |" in text  # of three seeds, whose spread is wider


def test_without_a_spread_the_caption_explains_none(faces, tmp_path):
    write_main(pick(rows_of(faces), model="sm"), REFERENCES, tmp_path / "main")
    assert "±" not in (tmp_path / "main.md").read_text(encoding="utf-8")


def test_every_row_of_its_markdown_has_as_many_cells(faces, tmp_path):
    for name, layout in {"whole": faces, "empty": ExperimentPaths(tmp_path / "nothing")}.items():
        write_main(rows_of(layout), REFERENCES, tmp_path / name)
        tables.write_grid(rows_of(layout), REFERENCES, tmp_path / "grid")
        for path in (tmp_path / f"{name}.md", tmp_path / "grid.md"):
            found = cells_by_row(path)
            assert found and all(len(set(rows)) == 1 for rows in found)
    assert len(cells_by_row(tmp_path / "whole.md")) == 3


def test_its_csv_keeps_every_digit_and_leads_to_the_scores(faces, tmp_path):
    made = rows_of(faces)
    write_main(made, REFERENCES, tmp_path / "main")
    read = read_csv(tmp_path / "main.csv")
    (row,) = pick(read, model="odelt-released", length="8", T="1")
    (full,) = pick(made, model="odelt-released", length=8, solver="euler:1")
    assert float(row["fid_jax"]) == full.value(of_statistics("jax")) and row["score"] == full.scores[0].file
    assert (faces.root / row["score"]).is_file()
    assert row["fid_jax_std"] == ""


def test_the_summary_counts_a_published_number_once_whatever_it_is_compared_with(faces, tmp_path):
    write_main(rows_of(faces), REFERENCES, tmp_path / "main")
    text = (tmp_path / "main.md").read_text(encoding="utf-8")
    # T = 1 and 128: the README's SM, the script's SM, and the script's three lengths.
    assert "of 10 published numbers reproduced" in text


def test_a_run_that_has_not_begun_gives_a_table_without_a_number(tmp_path):
    write_main(rows_of(ExperimentPaths(tmp_path)), REFERENCES, tmp_path / "main")
    text = (tmp_path / "main.md").read_text(encoding="utf-8")
    assert "0 of 10 published numbers reproduced" in text and "10 not run" in text and "not timed yet" in text


def test_another_solver_with_T_steps_has_lines_and_a_curve_of_its_own(faces, tmp_path):
    rows = pick(rows_of(faces), weights="ema")
    others = [
        dataclasses.replace(row, cell=dataclasses.replace(row.cell, solver=Solver.parse(f"consistency:{row.steps}")))
        for row in rows
        if row.steps and row.label == "SM (released)"
    ]
    write_main([*rows, *others], REFERENCES, tmp_path / "main")
    overview, *_ = (tmp_path / "main.md").read_text(encoding="utf-8").partition("## ")
    assert overview.count("| SM (released) |") == overview.count("| SM (released) (consistency:T) |") == 1
    assert {row["solver"] for row in read_csv(tmp_path / "main.csv")} >= {"euler:128", "consistency:128"}
    tables.write_trade_off([*rows, *others], REFERENCES, tmp_path / "trade-off")
    labels = [row["label"] for row in read_csv(tmp_path / "trade-off.csv")]
    assert labels.count("SM (released)") == labels.count("SM (released) (consistency:T)") == 1
