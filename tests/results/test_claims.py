import csv

import pytest
from celebahq import (
    CELEBAHQ,
    REFERENCES,
    cells_by_row,
    of_experiment,
    pick,
    rows_of,
    score_all,
    whole_run,
    write_latencies,
    write_score,
)

from odelt.layout.grid import points, runs
from odelt.layout.paths import ExperimentPaths
from odelt.publishing.claims_table import write_claims
from odelt.results.claims import check_claims


@pytest.fixture
def faces(tmp_path):
    return whole_run(tmp_path)


def check(layout):
    return check_claims(rows_of(layout), REFERENCES)


def find(findings, source, reading, model="odelt", baseline="sm"):
    (found,) = [
        one
        for one in findings
        if (one.claim.source, one.reading.name, one.model, one.baseline) == (source, reading, model, baseline)
    ]
    return found


def test_a_third_of_the_blocks_in_a_third_of_the_time_supports_both_latency_claims(faces):
    for source in ("abstract_v1", "abstract_v3"):
        found = find(check(faces), source, "same T, FID kept")
        assert (found.outcome, found.measured) == ("supported", pytest.approx(3.0))
        ours, sm = found.best
        assert (ours.cell.length, sm.cell.length, ours.cell.solver) == (4, None, sm.cell.solver)


def test_a_short_length_with_a_worse_distance_counts_only_where_the_distance_does_not(faces):
    score_all(faces, lambda run, length, solver: {4: 20.0, 8: 10.4}.get(length, 10.0))
    found = check(faces)
    kept = find(found, "abstract_v1", "same T, FID kept")
    assert (kept.outcome, kept.measured, kept.best[0].cell.length) == ("contradicted", pytest.approx(1.5), 8)
    assert find(found, "abstract_v1", "fewest blocks").outcome == "supported"


def test_the_most_efficient_mode_has_the_fewest_steps_and_blocks(faces):
    found = find(check(faces), "abstract_v1", "fewest steps and blocks")
    assert {(row.steps, row.effective_blocks) for row in found.best} == {(1, 4), (1, 12)}
    assert found.pairs == 2  # ema and raw


def test_a_claimed_ratio_is_reached_within_five_per_cent_and_no_further(faces):
    for seconds, outcome in ((0.04 / 0.96, "supported"), (0.04 / 0.94, "contradicted")):
        write_latencies(faces)
        written = faces.latency.read_text(encoding="utf-8")
        faces.latency.write_text(written.replace('"median": 0.04', f'"median": {seconds}'), encoding="utf-8")
        assert find(check(faces), "abstract_v1", "fewest steps and blocks").outcome == outcome


def test_an_improvement_at_the_most_steps_supports_one_claim_and_contradicts_the_other(faces):
    lower = {"odelt": 10.0 - 3.0 / 1.1}  # 3 points under the first statistics, which are a tenth more
    score_all(faces, lambda run, length, solver: lower.get(run.model, 10.0) if solver == "euler:128" else 10.0)
    found = check(faces)
    assert find(found, "abstract_v3", "most steps").outcome == "supported"
    v1 = find(found, "abstract_v1", "most steps")
    assert (v1.outcome, v1.measured) == ("contradicted", pytest.approx(3.0))
    assert find(found, "abstract_v3", "most steps", model="odelt-released").outcome == "contradicted"


def test_the_best_of_each_takes_adaptive_solvers_and_sms_own_best(faces):
    def adaptive(run, solver):
        return run.model == "odelt" and solver.startswith("dopri5")

    score_all(faces, lambda run, length, solver: 5.0 if adaptive(run, solver) else 8.0 if solver == "euler:2" else 10.0)
    found = find(check(faces), "abstract_v1", "best of each")
    assert found.measured == pytest.approx(3.0 * 1.1)
    assert [str(row.cell.solver) for row in found.best] == ["dopri5:1e-3", "euler:2"]
    assert found.outcome == "contradicted"


def test_a_best_that_is_not_known_contradicts_nothing(faces):
    missing = next(point for point in points(CELEBAHQ) if point.group.model == "sm" and point.solver.T == 128)
    faces.score(missing).unlink()
    found = check(faces)
    assert find(found, "abstract_v1", "best of each").outcome == "not run"
    assert find(found, "abstract_v1", "most steps").outcome == "not run"
    assert find(found, "abstract_v1", "most steps", baseline="sm-ft").outcome == "contradicted"


def test_nothing_run_is_not_run_and_another_experiment_is_no_evidence(faces, tmp_path):
    assert {found.outcome for found in check(ExperimentPaths(tmp_path / "nothing"))} == {"not run"}
    elsewhere = check_claims(of_experiment(rows_of(faces), "digits"), REFERENCES)
    assert {found.outcome for found in elsewhere} == {"not run"}
    write_claims(elsewhere, tmp_path / "claims")
    assert "None of the experiments" in (tmp_path / "claims.md").read_text(encoding="utf-8")


def test_the_mean_over_seeds_is_what_is_compared_not_the_luckiest(faces):
    for point in points(CELEBAHQ):
        run = runs(CELEBAHQ)[point.group.model]
        if run.model == "odelt" and point.solver.T == 128:
            write_score(faces, point, 1.0 if run.seed == 20 else 10.0)
    assert find(check(faces), "abstract_v1", "most steps").measured == pytest.approx(3.0 * 1.1)


def test_the_written_claims_lead_to_both_scores(faces, tmp_path):
    write_claims(check(faces), tmp_path / "claims")
    with (tmp_path / "claims.csv").open(newline="", encoding="utf-8") as file:
        read = list(csv.DictReader(file))
    assert len(read) == 2 * (3 + 2) * 4  # two claims of each kind × readings × (two models × two baselines)
    row = pick(read, source="abstract_v1", reading="most steps", model="odelt-released", baseline="sm")[0]
    assert all((faces.root / row[f"{side}_score"]).is_file() for side in ("ours", "sm"))


def test_the_written_claims_state_each_reading_and_have_whole_tables(faces, tmp_path):
    for name, layout in {"whole": faces, "empty": ExperimentPaths(tmp_path / "nothing")}.items():
        write_claims(check(layout), tmp_path / name)
        text = (tmp_path / f"{name}.md").read_text(encoding="utf-8")
        for told in ("up to 3× (abstract_v1)", "up to 2.8 points (abstract_v3)", "adaptive solvers included"):
            assert told in text
        counts = cells_by_row(tmp_path / f"{name}.md")
        assert len(counts) == 2 and all(len(set(rows)) == 1 for rows in counts)
