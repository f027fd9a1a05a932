import csv
import dataclasses
import json
import os

import pytest
from celebahq import pick
from digits import DIGITS, SECONDS_PER_BLOCK, layout, rows_of, write_latency, write_older_latency, write_score

from odelt.config import Solver
from odelt.errors import OdeltError
from odelt.layout.grid import points, programs
from odelt.layout.paths import ExperimentPaths
from odelt.publishing import tables

__all__ = ["layout"]  # a fixture


def find(lines, **wanted):
    (line,) = pick(lines, **wanted)
    return line


def read_csv(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_there_is_one_row_per_grid_point_in_the_grids_order(layout):
    rows = rows_of(layout)
    assert [row.distance for row in rows] == [k + 1 / 3 for k in range(len(points(DIGITS)))]
    assert len({row.columns for row in rows}) == 1


def test_a_row_says_what_was_run_and_what_came_out(layout):
    row = find(rows_of(layout), model="odelt", weights="ema", length=2, solver="euler:4")
    assert (row.cell.experiment, row.label, row.cell.weights, row.seeds) == ("digits", "ODE_t(ODE_l)", "ema", (10,))
    assert (row.effective_blocks, row.cell.d, row.floor) == (2, None, 0.64)
    assert row.latency == pytest.approx(4 * 2 * SECONDS_PER_BLOCK)
    assert row.timing.latency_q1_s < row.latency < row.timing.latency_q3_s
    measured = {column.name: row.value(column) for column in row.columns}
    assert (measured["evaluations"], measured["agreement"], measured["peak_bytes"]) == (4, 0.9, 3 * 2**20)


def test_a_model_without_the_inner_ode_has_the_full_length_and_all_blocks(layout):
    row = find(rows_of(layout), model="sm", weights="ema", solver="euler:1")
    assert (row.length, row.cell.length, row.effective_blocks) == ("full", None, 6)


def test_models_and_weights_that_run_one_program_have_one_latency(layout):
    rows = rows_of(layout)
    sm, tuned = (find(rows, model=model, weights="ema", solver="euler:128") for model in ("sm", "sm-ft"))
    assert sm.timing == tuned.timing and sm.distance != tuned.distance
    ema, raw = (find(rows, model="odelt", weights=w, length=4, solver="euler:128") for w in ("ema", "raw"))
    assert raw.timing == ema.timing and raw.distance != ema.distance


def test_an_adaptive_solvers_latency_is_that_of_an_evaluation_as_often_as_its_slowest_rows_evaluate(layout):
    """The program was timed with 20 evaluations."""
    (point,) = (each for each in points(DIGITS) if each.path == "odelt/ema/l2/dopri5-1e-2_d7_w1")
    assert find(rows_of(layout), length=2, solver="dopri5:1e-2").latency == pytest.approx(40 * 2 * SECONDS_PER_BLOCK)
    write_score(layout, point, 1.0)
    score = json.loads(layout.score(point).read_text(encoding="utf-8")) | {"largest_evaluations": 30.5}
    layout.score(point).write_text(json.dumps(score), encoding="utf-8")
    row = find(rows_of(layout), length=2, solver="dopri5:1e-2")
    assert row.latency == pytest.approx(30.5 * 2 * SECONDS_PER_BLOCK)
    assert row.timing.flops == pytest.approx(1e9 * row.latency) and row.timing.latency_min_s == row.latency / 2
    layout.score(point).unlink()
    assert find(rows_of(layout), length=2, solver="dopri5:1e-2").latency is None


def test_latencies_of_older_versions_are_read_where_there_are_no_others(layout, tmp_path):
    new = find(rows_of(layout), model="odelt", weights="ema", length=2, solver="euler:4")
    write_older_latency(layout, "odelt", 2)
    assert find(rows_of(layout), model="odelt", weights="ema", length=2, solver="euler:4").timing == new.timing
    layout.latency.unlink()
    rows = rows_of(layout)
    old = find(rows, model="odelt", weights="ema", length=2, solver="euler:4")
    assert (old.latency, old.timing.file, old.timing.flops) == (new.latency, "latency/odelt/l2.json", None)
    assert find(rows, length=2, solver="dopri5:1e-2").latency == 40 * 2 * SECONDS_PER_BLOCK
    tables.write_grid(rows, None, tmp_path / "grid")
    assert find(read_csv(tmp_path / "grid.csv"), model="odelt", weights="ema", length="2", solver="euler:4")["flops"]


def test_a_latency_whose_quartiles_are_far_apart_is_said_to_be_disturbed(layout, tmp_path):
    for spread, marked in ((0.07, False), (0.08, True)):  # of the median, to either side
        write_latency(layout, programs(DIGITS), spread=spread)
        tables.write_grid(rows_of(layout), None, tmp_path / "grid")
        text = (tmp_path / "grid.md").read_text(encoding="utf-8")
        assert ("80.00 (73.60–86.40, disturbed)" in text) == ("“Disturbed”: the quartiles" in text) == marked


def test_an_adaptive_solvers_rows_differ_in_d_and_keep_it(layout):
    assert [row.cell.d for row in pick(rows_of(layout), solver="dopri5:1e-3", length=6)] == [7, 0]


def test_without_any_file_what_would_be_measured_is_none_and_the_csv_says_not_run(tmp_path):
    rows = rows_of(ExperimentPaths(tmp_path))
    assert {rows[0].value(column) for column in rows[0].columns} == {None}
    tables.write_grid(rows, None, tmp_path / "grid")
    empty = [name for name, value in read_csv(tmp_path / "grid.csv")[0].items() if value == "not run"]
    latency = ("latency_s", "latency_min_s", "latency_q1_s", "latency_q3_s", "flops", "peak_bytes")
    assert empty == [*("evaluations", "frechet_distance", "floor", "agreement"), *latency]


def test_a_missing_score_leaves_the_latency_and_the_other_rows_alone(layout):
    layout.score(points(DIGITS)[0]).unlink()
    first, second, *_ = rows_of(layout)
    missing = [column.name for column in first.columns if first.value(column) is None]
    assert missing == ["evaluations", "frechet_distance", "agreement", "largest_evaluations"] and first.latency > 0
    assert None not in [second.value(column) for column in second.columns]


def test_a_point_that_the_latency_file_lacks_is_not_run(layout):
    timed = programs(DIGITS)
    write_latency(layout, [each for each in timed if str(each) != "6,euler:1"])
    rows = rows_of(layout)
    assert find(rows, model="odelt", weights="ema", length=6, solver="euler:1").timing is None
    assert find(rows, model="odelt", weights="ema", length=6, solver="euler:4").latency > 0


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"samples": 1, "evaluations": null}'])
def test_a_damaged_score_is_named_on_one_line(layout, content):
    path = layout.score(points(DIGITS)[3])
    path.write_text(content, encoding="utf-8")
    with pytest.raises(OdeltError) as error:
        rows_of(layout)
    assert str(path) in str(error.value) and "\n" not in str(error.value)


def test_a_damaged_latency_or_floor_file_is_named(layout):
    for path in (layout.latency, layout.floor):
        whole = path.read_text(encoding="utf-8")
        path.write_text('{"points": [{"solver": "euler:1"}]}', encoding="utf-8")
        with pytest.raises(OdeltError, match=path.name):
            rows_of(layout)
        path.write_text(whole, encoding="utf-8")


def test_the_csv_of_the_grid_keeps_every_digit(layout, tmp_path):
    rows = rows_of(layout)
    tables.write_grid(rows, None, tmp_path / "out" / "grid.v1")
    read = read_csv(tmp_path / "out" / "grid.v1.csv")
    assert {column.name for column in rows[0].columns} <= read[0].keys() and len(read) == len(rows)
    assert [float(row["frechet_distance"]) for row in read] == [row.distance for row in rows]
    assert read[0]["d"] == ""


def test_the_grid_for_people_is_rounded_and_its_caption_names_samples_batch_device_and_floor(layout, tmp_path):
    tables.write_grid(rows_of(layout), None, tmp_path / "grid")
    text = (tmp_path / "grid.md").read_text(encoding="utf-8")
    row = "| ODE_t(ODE_l) | ema | 2 (2) | euler:4 | 1 | 10 | 4 | 9.33 | 90.0% | 80.00 (76.00–84.00) | 80 M | 3.0 |"
    assert row in text
    for told in ("over 1797 samples", "batch of 256", "a laptop, 2 cores (load before: 0.2)", "0.64"):
        assert told in text


def test_the_caption_says_that_joint_samples_depend_on_their_batch(layout, tmp_path):
    made, waiver = rows_of(layout), "a sample depends on its batch"
    tables.write_grid(made, None, tmp_path / "apart")
    assert waiver not in (tmp_path / "apart.md").read_text(encoding="utf-8")
    first, *others = made
    cell = dataclasses.replace(first.cell, solver=Solver.parse("dopri5:1e-3:joint256"))
    tables.write_grid([dataclasses.replace(first, cell=cell), *others], None, tmp_path / "joint")
    assert waiver in (tmp_path / "joint.md").read_text(encoding="utf-8")


def test_all_lines_of_a_markdown_table_have_the_same_number_of_cells(layout, tmp_path):
    rows = rows_of(layout)
    tables.write_grid(rows, None, tmp_path / "grid")
    tables.write_trade_off(rows, None, tmp_path / "trade-off")
    for name in ("grid.md", "trade-off.md"):
        lines = [line for line in (tmp_path / name).read_text(encoding="utf-8").splitlines() if line.startswith("|")]
        assert len({line.count("|") for line in lines}) == 1


def test_the_trade_off_has_a_row_per_model_and_length_and_a_column_per_number_of_steps(layout, tmp_path):
    tables.write_trade_off(rows_of(layout), None, tmp_path / "trade-off")
    read = read_csv(tmp_path / "trade-off.csv")
    ours = [("odelt", length) for length in ("2", "4", "6")]
    assert [(row["model"], row["length"]) for row in read] == [("sm", "full"), ("sm-ft", "full"), *ours]
    assert [float(read[0][f"frechet_distance_T{T}"]) for T in (1, 4, 32, 128)] == [k + 1 / 3 for k in range(4)]


def test_latency_in_the_trade_off_is_relative_to_the_first_baseline_at_the_same_steps(layout, tmp_path):
    tables.write_trade_off(rows_of(layout), None, tmp_path / "trade-off")
    short = find(read_csv(tmp_path / "trade-off.csv"), length="2")
    assert [float(short[f"relative_latency_T{T}"]) for T in (1, 4, 32, 128)] == pytest.approx([1 / 3] * 4)
    text = (tmp_path / "trade-off.md").read_text(encoding="utf-8")
    assert "0.33×" in text and "relative to SM on the full path" in text


def test_without_a_latency_of_the_first_baseline_the_next_one_serves(layout, tmp_path):
    layout.latency.unlink()
    write_older_latency(layout, "sm-ft", None)
    tables.write_trade_off(rows_of(layout), None, tmp_path / "trade-off")
    read = read_csv(tmp_path / "trade-off.csv")
    assert find(read, model="sm")["relative_latency_T4"] == "not run"
    assert float(find(read, model="sm-ft")["relative_latency_T4"]) == 1
    assert "SM, fine-tuned on the full path" in (tmp_path / "trade-off.md").read_text(encoding="utf-8")


def test_tables_of_a_suite_that_has_not_run_can_be_written(tmp_path):
    rows = rows_of(ExperimentPaths(tmp_path))
    tables.write_grid(rows, None, tmp_path / "grid")
    tables.write_trade_off(rows, None, tmp_path / "trade-off")
    assert read_csv(tmp_path / "trade-off.csv")[0]["relative_latency_T1"] == "not run"
    assert "its floor was not run" in (tmp_path / "grid.md").read_text(encoding="utf-8")


def test_a_named_pipe_is_no_score(layout):
    path = layout.score(points(DIGITS)[0])
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(OdeltError, match=f"{path.name} is a named pipe"):
        rows_of(layout)
