import pytest
import yaml
from celebahq import REFERENCES

from odelt.config import Solver
from odelt.errors import OdeltError
from odelt.publishing.references import load_references


def published(experiment, model, length, solver, **where):
    return [one[:3] for one in REFERENCES.published(experiment, model, length, Solver.parse(solver), **where)]


def altered(tmp_path, **changes):
    raw = {
        "sources": {"sm_readme": {"title": "a README"}},
        "fid": [{"source": "sm_readme", "rows": [{"experiment": "celebahq-b", "model": "sm", "steps": {1: 20.5}}]}],
    }
    path = tmp_path / "reference.yaml"
    path.write_text(yaml.safe_dump(raw | changes))
    return path


def test_sms_readme_comes_first_for_released_sm_and_the_ambiguous_script_second():
    found = REFERENCES.published("celebahq-b", "sm", None, Solver.parse("euler:4"))
    assert [one[:3] for one in found] == [(13.8, "sm_readme", "ours"), (19.18571472, "odelt_scaling", "jax")]
    assert [one.ambiguous for one in found] == [False, True]


def test_fine_tuned_sm_has_only_the_ambiguous_number():
    (found,) = REFERENCES.published("celebahq-b", "sm-ft", None, Solver.parse("euler:4"))
    assert found.ambiguous and found.statistics == "jax"


def test_the_authors_numbers_belong_to_their_weights_and_to_our_retraining():
    for model in ("odelt", "odelt-released"):
        assert published("celebahq-b", model, 8, "euler:4") == [(19.37377930, "odelt_scaling", "jax")]
    assert published("celebahq-b", "odelt-stage1", 8, "euler:4") == []
    assert published("celebahq-b", "odelt", None, "euler:4") == []


def test_sms_readme_is_of_the_ema_weights():
    assert published("imagenet-b", "sm", None, "euler:1", guidance=1.0) == [(40.3, "sm_readme", "ours")]
    assert published("imagenet-b", "sm", None, "euler:1", guidance=1.0, weights="raw") == []


def test_a_number_is_compared_at_the_guidance_it_was_taken_at():
    assert published("imagenet-b", "sm", None, "euler:128", guidance=1.5) == [(15.5, "sm_readme", "ours")]
    assert published("imagenet-b", "sm", None, "euler:128", guidance=1.0) == []
    assert published("celebahq-b", "sm", None, "euler:128", guidance=1.0) == []


def test_an_adaptive_number_is_of_the_released_condition_and_of_dopri5():
    assert published("celebahq-b", "odelt", 4, "dopri5:1e-3", d=0) == [(15.14557552, "odelt_scaling", "jax")]
    assert published("celebahq-b", "odelt", 4, "dopri5:1e-3", d=7) == []
    assert published("celebahq-b", "odelt", 4, "tsit5:1e-3", d=0) == []


def test_published_latencies_are_taken_as_ratios():
    ratio = REFERENCES.relative_latency("celebahq-b", "odelt", 4, Solver.parse("euler:128"))
    assert ratio == pytest.approx(4.329354476 / 12.88829373)
    assert REFERENCES.relative_latency("imagenet-b", "odelt", 4, Solver.parse("euler:128")) is None


def test_the_spread_between_trainings_is_that_of_the_three_published_runs():
    spread = REFERENCES.spread()
    assert (spread.pooled, spread.largest) == pytest.approx((0.01187, 0.01916), abs=1e-5)


def test_the_experiments_are_those_with_a_published_number():
    assert REFERENCES.experiments == ["celebahq-b", "imagenet-b", "imagenet-xl"]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"clams": []}, "unknown key 'clams'; did you mean 'claims'"),
        ({"sources": {}}, "no source 'sm_readme'"),
        ({"fid": [{"source": "sm_readme", "rows": [{"model": "sm", "steps": {1: 20.5}}]}]}, "names no experiment"),
        ({"fid": [{"source": "sm_readme", "experiment": "e", "rows": [{"model": "new"}]}]}, "BELONGINGS"),
        ({"fid": [{"source": "sm_readme", "rows": [{"experiment": "e", "model": "sm", "steps": {1: -1}}]}]}, "steps.1"),
        ({"claims": [{"source": "sm_readme", "text": "fast"}]}, "either latency_ratio or fid_points"),
    ],
)
def test_a_mistake_in_the_file_is_told_on_one_line(tmp_path, changes, told):
    path = altered(tmp_path, **changes)
    with pytest.raises(OdeltError) as error:
        load_references(path)
    assert told in str(error.value) and str(path) in str(error.value) and "\n" not in str(error.value)


def test_a_missing_or_broken_file_is_told_on_one_line(tmp_path):
    (tmp_path / "broken.yaml").write_text("a: [")
    for name in ("missing.yaml", "broken.yaml"):
        with pytest.raises(OdeltError, match=name) as error:
            load_references(tmp_path / name)
        assert "\n" not in str(error.value)
