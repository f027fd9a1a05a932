import dataclasses

import pytest
import yaml
from celebahq import REFERENCES

from odelt.config import Solver
from odelt.errors import OdeltError
from odelt.results.references import load_references
from odelt.results.row import Cell
from odelt.solvers import SOLVERS


def published(experiment, model, length, solver, **where):
    cell = Cell(experiment, model, length, Solver.parse(solver), **where)
    return [(one.value, one.source, one.statistics) for one in REFERENCES.published(cell)]


EARLIER = {"title": "a run", "earlier_run": {"machine": "a laptop", "seeds": [10], "command": "make mini"}}


def altered(tmp_path, **changes):
    raw = {
        "sources": {"sm_readme": {"title": "a README", "weights": "ema", "guidance": 0, "models": {"sm": ["sm"]}}},
        "fid": [{"source": "sm_readme", "rows": [{"experiment": "celebahq-b", "model": "sm", "steps": {1: 20.5}}]}],
    }
    path = tmp_path / "reference.yaml"
    path.write_text(yaml.safe_dump(raw | changes), encoding="utf-8")
    return path


def test_sms_readme_comes_first_for_released_sm_and_the_ambiguous_script_second():
    found = published("celebahq-b", "sm", None, "euler:4")
    assert found == [(13.8, "sm_readme", "ours"), (19.18571472, "odelt_scaling", "jax")]
    cell = Cell("celebahq-b", "sm", None, Solver.parse("euler:4"))
    assert [one.ambiguous for one in REFERENCES.published(cell)] == [False, True]


def test_fine_tuned_sm_has_only_the_ambiguous_number():
    (found,) = REFERENCES.published(Cell("celebahq-b", "sm-ft", None, Solver.parse("euler:4")))
    assert found.ambiguous and found.statistics == "jax"


def test_the_authors_numbers_belong_to_their_weights_and_to_our_retraining():
    for model in ("odelt", "odelt-released"):
        assert published("celebahq-b", model, 8, "euler:4") == [(19.37377930, "odelt_scaling", "jax")]
    assert published("celebahq-b", "odelt-stage1", 8, "euler:4") == []
    assert published("celebahq-b", "odelt", None, "euler:4") == []


def test_sms_readme_may_be_of_the_ema_or_of_the_raw_weights():
    for weights in ("ema", "raw"):
        found = published("imagenet-b", "sm", None, "euler:1", guidance=1.0, weights=weights)
        assert found == [(40.3, "sm_readme", "ours")]


def test_the_logs_numbers_of_few_samples_stand_beside_no_others_and_get_no_verdict():
    assert published("celebahq-b-few", "sm", None, "euler:128") == [(11.22, "odelt_log", "ours")]
    assert published("celebahq-b-few", "sm", None, "euler:128", weights="raw") == [(15.24, "odelt_log", "ours")]
    assert {one.experiment for one in REFERENCES.fids if one.source == "odelt_log"} == {"celebahq-b-few"}
    assert [one.judged for one in REFERENCES.fids if one.source == "odelt_log"] == [False] * 6


def test_a_number_is_compared_at_the_guidance_it_was_taken_at():
    assert published("imagenet-b", "sm", None, "euler:128", guidance=1.5) == [(15.5, "sm_readme", "ours")]
    assert published("imagenet-b", "sm", None, "euler:128", guidance=1.0) == []
    assert published("celebahq-b", "sm", None, "euler:128", guidance=1.0) == []


def test_an_adaptive_number_is_of_the_released_condition_and_of_dopri5():
    assert published("celebahq-b", "odelt", 4, "dopri5:1e-3", d=0) == [(15.14557552, "odelt_scaling", "jax")]
    assert published("celebahq-b", "odelt", 4, "dopri5:1e-3", d=7) == []
    assert published("celebahq-b", "odelt", 4, "tsit5:1e-3", d=0) == []


def test_published_latencies_are_taken_as_ratios():
    cell = Cell("celebahq-b", "odelt", 4, Solver.parse("euler:128"))
    assert REFERENCES.relative_latency(cell) == pytest.approx(4.329354476 / 12.88829373)
    assert REFERENCES.relative_latency(dataclasses.replace(cell, experiment="imagenet-b", guidance=1.5)) is None


def test_every_published_number_is_there_with_its_experiment():
    assert len(REFERENCES.fids) == 9 + 3 * 8 + 8 + 3 * 4 + 2 * 3
    assert len(REFERENCES.latencies) == 3 * 8 + 8 + 3 * 4


def test_a_latency_has_no_ratio_where_it_is_sms_or_sm_was_not_timed():
    without = [one for one in REFERENCES.latencies if one.value is None]
    assert {(one.model, one.solver.method.name) for one in without} == {("sm", "euler"), ("odelt", "dopri5")}
    assert all(one.printed > 0 for one in without)


def test_a_row_of_an_earlier_run_says_itself_which_cell_it_is_of(tmp_path):
    row = {"experiment": "digits", "model": "odelt", "length": 2, "weights": "raw", "guidance": 1.5, "d": 7}
    path = altered(
        tmp_path,
        sources={"run": EARLIER},
        fid=[{"source": "run", "rows": [{**row, "steps": {4: 3.0}, "tsit5": {1e-3: [2.0, 0.25]}}]}],
    )
    references = load_references(path)
    cell = Cell("digits", "odelt", 2, Solver.parse("tsit5:1e-3"), weights="raw", guidance=1.5, d=7)
    (found,) = references.published(cell)
    assert (found.value, found.deviation, found.statistics, found.ambiguous) == (2.0, 0.25, "", False)
    for other in ({"weights": "ema"}, {"guidance": 1.0}, {"d": 0}, {"length": None}, {"model": "odelt-released"}):
        assert references.published(dataclasses.replace(cell, **other)) == []
    assert "not a publication" in references.what and references.title == "a run"
    assert "earlier" not in REFERENCES.what


@pytest.mark.parametrize("name", SOLVERS)
def test_a_row_may_have_the_name_of_any_solver_as_a_key(tmp_path, name):
    parameter = 8 if SOLVERS[name].fixed else 1e-3
    row = {"experiment": "celebahq-b", "model": "sm", name: {parameter: 5.5}, "solvers": {"heun-fixed:3": 7}}
    references = load_references(altered(tmp_path, fid=[{"source": "sm_readme", "rows": [row]}]))
    found = {str(number.solver): number.value for number in references.fids}
    assert found == {f"{name}:{SOLVERS[name].write(parameter)}": 5.5, "heun-fixed:3": 7}


def test_a_row_says_more_than_its_block_and_that_more_than_its_source(tmp_path):
    said = {"weights": "raw", "guidance": 0.5, "d": [None, 7], "statistics": "jax"}
    row = {"experiment": "celebahq-b", "model": "sm", "steps": {1: 20.5}}
    path = altered(tmp_path, fid=[{"source": "sm_readme", **said, "rows": [row, {**row, "weights": ["ema", "raw"]}]}])
    first, second = load_references(path).fids
    assert (first.weights, second.weights) == (("raw",), ("ema", "raw"))
    assert (first.guidance, first.d, first.statistics, first.models) == (0.5, (None, 7), "jax", ("sm",))


def test_the_experiments_are_those_with_a_published_number():
    assert REFERENCES.experiments == ["celebahq-b", "imagenet-b", "imagenet-xl"]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"clams": []}, "unknown key 'clams'; did you mean 'claims'"),
        ({"sources": {}}, "no source 'sm_readme'"),
        ({"fid": [{"source": "sm_readme", "rows": [{"model": "sm", "steps": {1: 20.5}}]}]}, "names no experiment"),
        ({"fid": [{"source": "sm_readme", "experiment": "e", "rows": [{"model": "new"}]}]}, "sm_readme.models"),
        ({"fid": [{"source": "sm_readme", "rows": [{"experiment": "e", "model": "sm", "steps": {1: -1}}]}]}, "steps.1"),
        ({"sources": {"sm_readme": EARLIER}}, "names no weights"),
        (
            {"sources": {"sm_readme": EARLIER | {"weights": "raw"}}},
            "no guidance, nor does its block or its source",
        ),
        ({"fid": [{"source": "sm_readme", "rows": [{"experiment": "e", "model": "sm", "dopri5": 3}]}]}, "each TOL"),
        ({"fid": [{"source": "sm_readme", "rows": [{"experiment": "e", "model": "sm", "dopri5": {2: 3}}]}]}, "below 1"),
        ({"claims": [{"source": "sm_readme", "text": "fast"}]}, "one of latency_ratio, fid_points and memory_ratio"),
        ({"claims": [{"source": "sm_readme", "text": "fast", "fid_points": 1}]}, "names no baseline"),
    ],
)
def test_a_mistake_in_the_file_is_told_on_one_line(tmp_path, changes, told):
    path = altered(tmp_path, **changes)
    with pytest.raises(OdeltError) as error:
        load_references(path)
    assert told in str(error.value) and str(path) in str(error.value) and "\n" not in str(error.value)


def test_a_missing_or_broken_file_is_told_on_one_line(tmp_path):
    (tmp_path / "broken.yaml").write_text("a: [", encoding="utf-8")
    for name in ("missing.yaml", "broken.yaml"):
        with pytest.raises(OdeltError, match=name) as error:
            load_references(tmp_path / name)
        assert "\n" not in str(error.value)
