import csv
import json

import pytest
from celebahq import CELEBAHQ, REFERENCES, cells_by_row, errors, of_experiment, pick, rows_of, score_all, whole_run

from odelt.layout.grid import points, runs
from odelt.layout.paths import ExperimentPaths
from odelt.publishing import entries
from odelt.publishing.verdict_table import write_verdicts


@pytest.fixture
def faces(tmp_path):
    return whole_run(tmp_path)


def written(layout, out):
    """The CSV's rows, what the JSON says, and the Markdown."""
    write_verdicts(rows_of(layout), REFERENCES, out)
    with (out.parent / f"{out.name}.csv").open(newline="", encoding="utf-8") as file:
        read = list(csv.DictReader(file))
    told = json.loads((out.parent / f"{out.name}.json").read_text(encoding="utf-8"))
    return read, told["verdicts"], (out.parent / f"{out.name}.md").read_text(encoding="utf-8")


def numbers(read, **wanted):
    """The outcomes of the numbers among these rows."""
    return {row["number"]: row["outcome"] for row in pick(read, **wanted)}


def test_every_published_number_of_the_experiment_is_there_once(faces, tmp_path):
    read, told, _ = written(faces, tmp_path / "verdicts")
    of_experiment = [one for one in (*REFERENCES.fids, *REFERENCES.latencies) if one.experiment == "celebahq-b"]
    assert len(numbers(read)) == len(of_experiment) == 3 + 44 + 44
    assert {row["experiment"] for row in read} == {"celebahq-b"}
    comparable = sum(one.value is not None for one in of_experiment)
    assert f"of {comparable} published numbers" in told["summary"] and "20 more are not comparable" in told["summary"]


def test_a_number_stands_beside_every_model_and_weights_that_it_may_mean(faces, tmp_path):
    read, _, _ = written(faces, tmp_path / "verdicts")
    found = pick(read, kind="frechet_distance", published_length="8", solver="euler:128")
    assert [(row["model"], row["weights"]) for row in found] == [
        *(("odelt", "ema"), ("odelt-released", "ema"), ("odelt", "raw")),
    ]
    assert len({row["number"] for row in found}) == 1
    assert all(float(row["difference"]) == pytest.approx(10.0 - 7.868789673) for row in found)


def test_a_number_that_the_grid_has_no_cell_for_says_so(faces, tmp_path):
    read, told, _ = written(faces, tmp_path / "verdicts")
    (row,) = pick(read, kind="frechet_distance", published_length="8", solver="euler:64")
    assert (row["outcome"], row["ours"], row["score"]) == ("not in the grid", "", "")
    outcomes = list(numbers(read).values())
    assert f"{outcomes.count('not in the grid')} not in the grid" in told["summary"]


def test_one_model_of_several_makes_a_number_depend_on_which_is_meant(faces, tmp_path):
    score_all(faces, lambda run, length, solver: 7.9 if run.model == "odelt-released" else 100.0)
    read, told, _ = written(faces, tmp_path / "verdicts")
    found = pick(read, kind="frechet_distance", published_length="8", solver="euler:128")
    assert {row["outcome"] for row in found} == {"depends on which of our models or weights is meant"}
    assert {row["model"]: row["verdict"] for row in found} == {
        "odelt": "differs (worse)",
        "odelt-released": "reproduced",
    }
    assert "it depends on which of our models or weights is meant" in told["summary"]


def test_what_was_not_run_has_no_say_and_nothing_run_is_not_run(faces, tmp_path):
    for point in points(CELEBAHQ):
        if runs(CELEBAHQ)[point.group.model].model == "odelt":
            faces.score(point).unlink()
    score_all_released = {"kind": "frechet_distance", "published_length": "12", "solver": "euler:128"}
    read, _, _ = written(faces, tmp_path / "verdicts")
    assert set(numbers(read, **score_all_released).values()) == {"differs (worse)"}
    read, told, _ = written(ExperimentPaths(tmp_path / "nothing"), tmp_path / "nothing-run")
    assert set(numbers(read).values()) == {"not run", "not in the grid", "not comparable"}
    assert told["summary"].startswith("0 of ") and "; 0 differ" in told["summary"]


def test_the_mean_over_seeds_stands_with_its_spread_and_every_score(faces, tmp_path):
    distance = {10: 25.0, 0: 31.0, 20: 37.0}  # std 6, published 30.96
    score_all(faces, lambda run, length, solver: distance.get(run.seed, 10.0))
    read, _, text = written(faces, tmp_path / "verdicts")
    (row,) = pick(read, model="odelt", length="4", solver="euler:1", weights="ema", kind="frechet_distance")
    assert (float(row["ours"]), float(row["ours_std"]), row["verdict"]) == (31.0, 6.0, "reproduced")
    assert len(row["score"].split()) == 3
    assert all((faces.root / score).is_file() for score in row["score"].split())
    assert "| 31.00 ± 6 | +0.04 | reproduced |" in text


def test_without_seeds_the_standard_error_stands_after_our_number(faces, tmp_path):
    score_all(faces, lambda run, length, solver: 34.0, **errors(1.6))  # published 30.96
    read, told, text = written(faces, tmp_path / "verdicts")
    of = {"model": "odelt-released", "length": "4", "solver": "euler:1", "weights": "ema"}
    (row,) = pick(read, kind="frechet_distance", **of)
    assert (row["ours_std"], row["ours_se"], row["verdict"]) == ("", "1.6", "reproduced")
    assert "| 34.00 ± 1.6 | +3.04 | reproduced |" in text and "over our samples (the standard error)" in told["rule"]


def test_a_latency_is_compared_as_a_ratio_to_the_same_sources_sm(faces, tmp_path):
    read, _, text = written(faces, tmp_path / "verdicts")
    found = pick(read, kind="relative_latency", published_length="4", solver="euler:128")
    assert [row["model"] for row in found] == ["odelt", "odelt-released"]
    for row in found:
        assert float(row["published"]) == pytest.approx(4.329354476 / 12.88829373)
        assert float(row["ours"]) == pytest.approx(1 / 3) and row["verdict"] == "reproduced"
        assert (faces.root / row["latency"]).is_file() and row["latency"] == "latency/programs.json"
    assert "Published latencies hold compilation" in text


def test_seconds_without_sms_beside_them_are_shown_and_not_compared(faces, tmp_path):
    read, _, text = written(faces, tmp_path / "verdicts")
    (row,) = pick(read, kind="relative_latency", published_length="4", solver="dopri5:1e-3")
    assert (row["outcome"], row["published"], float(row["printed"])) == ("not comparable", "", 1.351919522)
    assert "| 1.35 s | not comparable |" in text


def test_the_page_begins_with_the_summary_and_states_the_rule(faces, tmp_path):
    _, told, text = written(faces, tmp_path / "verdicts")
    assert text.split("\n\n")[1] == told["summary"]
    assert "within 5% of the published one" in text and "5%" in told["rule"]
    assert told["against"].startswith("Shortcut models, README")
    assert all(len(set(rows)) == 1 for rows in cells_by_row(tmp_path / "verdicts.md"))


def test_an_experiment_that_nothing_is_published_of_has_no_rows(faces, tmp_path):
    write_verdicts(of_experiment(rows_of(faces), "flowers"), REFERENCES, tmp_path / "verdicts")
    assert len((tmp_path / "verdicts.csv").read_text(encoding="utf-8").splitlines()) == 1
    assert "There are no published numbers to compare with." in (tmp_path / "verdicts.md").read_text(encoding="utf-8")


def test_the_caption_says_what_there_is_to_know_of_the_sources_that_are_compared_with(faces, tmp_path):
    _, _, read = written(faces, tmp_path / "verdicts")
    assert "sm_readme: The README does not say whether" in read and "labels all of them l = 8" in read
    assert "4,096" not in read
    notes = entries.notes([number for number in REFERENCES.fids if not number.judged], REFERENCES)
    assert len(notes) == 1 and notes[0].startswith("odelt_log: FIDs of 4,096 samples")
