import csv
import json

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
    write,
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


def find(findings, source, reading, model="odelt", baseline="sm", grid="ours", of_memory=False):
    wanted = (source, reading, model, baseline, grid, of_memory)
    (found,) = [
        one
        for one in findings
        if (one.claim.source, one.reading.name, one.model, one.baseline, one.grid, one.claim.quantity == "memory")
        == wanted
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
    nothing = check(ExperimentPaths(tmp_path / "nothing"))
    assert {found.outcome for found in nothing if found.grid == "ours"} == {"not run"}
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
    # Two claims of each kind × readings × (two models × two baselines), and one of each in the published grid.
    assert len(read) == 2 * (3 + 2 + 2) * 4 + 2 * (3 + 2)
    row = pick(read, source="abstract_v1", reading="most steps", model="odelt-released", baseline="sm")[0]
    assert all((faces.root / row[f"{side}_score"]).is_file() for side in ("ours", "sm"))


def test_the_written_claims_state_each_reading_and_have_whole_tables(faces, tmp_path):
    for name, layout in {"whole": faces, "empty": ExperimentPaths(tmp_path / "nothing")}.items():
        write_claims(check(layout), tmp_path / name)
        text = (tmp_path / f"{name}.md").read_text(encoding="utf-8")
        for told in ("up to 3× (abstract_v1)", "up to 2.8 points (abstract_v3)", "adaptive solvers included"):
            assert told in text
        counts = cells_by_row(tmp_path / f"{name}.md")
        assert len(counts) == 1 + 3 + 2  # the claims, and pairs of our grid and the published one
        assert all(len(set(rows)) == 1 for rows in counts)


def test_the_published_grid_answers_the_abstracts_by_itself(faces):
    """The figures of SPEC 11, with the pairs of rows that they come from."""
    of_source = {"source": "abstract_v1", "grid": "odelt_scaling"}
    found = check(faces)
    expected = {
        "fewest steps and blocks": ("contradicted", 1.98, 4, "euler:1", "euler:1"),
        "fewest blocks": ("supported", 2.98, 4, "euler:4", "euler:4"),
        "most steps": ("contradicted", 0.12, 12, "euler:128", "euler:128"),
        "best of each": ("contradicted", 0.26, 12, "dopri5:1e-3", "euler:128"),
    }
    for reading, (outcome, measured, length, *solvers) in expected.items():
        finding = find(found, reading=reading, **of_source)
        assert (finding.outcome, round(finding.measured, 2)) == (outcome, measured)
        assert finding.best[0].cell.length == length and finding.best[1].cell.length is None
        if reading != "fewest blocks":  # where T = 2, 4 and 128 differ in the third digit
            assert [str(row.cell.solver) for row in finding.best] == solvers
    assert find(found, "abstract_v3", "most steps", grid="odelt_scaling").outcome == "contradicted"
    assert not any(one.grid != "ours" and one.claim.quantity == "memory" for one in found)  # nobody published peaks


def test_the_published_grid_is_not_held_against_claims_where_no_experiment_is_of_the_paper(faces):
    assert {one.grid for one in check_claims(of_experiment(rows_of(faces), "digits"), REFERENCES)} == {"ours"}


@pytest.mark.parametrize(("peak", "outcome"), [(2**20 - 1, "supported"), (2**20, "contradicted")])
def test_memory_is_less_only_where_the_measured_peak_is_below_sms(faces, peak, outcome):
    timed = json.loads(faces.latency.read_text(encoding="utf-8"))
    for point in timed["points"]:
        point["peak_bytes"] = 2**20 if point["length"] == "full" else peak
    write(faces.latency, timed)
    for reading in ("same T, FID kept", "fewest blocks"):
        finding = find(check(faces), "abstract_v3", reading, of_memory=True)
        assert (finding.outcome, finding.measured) == (outcome, pytest.approx(2**20 / peak))


def test_a_suite_without_claims_of_its_experiments_has_none():
    assert REFERENCES.claims_of(["digits", "celebahq-b"]) == REFERENCES.claims
    assert REFERENCES.claims_of(["digits", "celebahq-b-g1"]) == []
