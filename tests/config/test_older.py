"""A key that an older version did not have counts as the value that it used."""

from typing import Annotated

import pytest

from odelt.config import Experiment
from odelt.config.older import Since, completed
from odelt.config.parsing import Section, parse


class Inner(Section):
    size: int = 1
    kind: Annotated[str, Since("0.2.0", before="plain")] = "new"


class Outer(Section):
    inner: Inner | None = None
    named: dict[str, Inner]
    listed: tuple[Inner, ...]
    rate: Annotated[float | None, Since("0.3.0", before=0.5)] = 0.9


RAW = {"inner": {"size": 2}, "named": {"a": {}}, "listed": [{"kind": "mine"}, {}]}


@pytest.mark.parametrize("version", [None, "0.1.0"])
def test_a_file_of_the_first_version_means_what_that_version_did(version):
    found = parse(Outer, completed(Outer, RAW, version), "file")
    assert found.rate == 0.5 and found.inner.kind == found.named["a"].kind == "plain"
    assert [inner.kind for inner in found.listed] == ["mine", "plain"]


def test_a_file_of_a_version_in_between_has_its_own_defaults():
    found = parse(Outer, completed(Outer, RAW, "0.2.1"), "file")
    assert found.rate == 0.5 and found.inner.kind == "new"


def test_a_file_of_today_is_left_as_it_is():
    assert completed(Outer, RAW, "0.3.0") == RAW and completed(Outer, RAW, "0.10.0") == RAW


def test_of_several_sections_the_one_that_has_the_keys_is_completed():
    raw = {"references": {"ours": "fid-ours"}, "subset": 8}
    for features in ({"hidden": 64, "epochs": 3}, raw):
        found = completed(Experiment, {"features": features, "codec": {"source": "vae"}}, "0.2.0")
        assert found["codec"]["dtype"] == "float32"
        assert found["features"] == (features if features is not raw else raw | {"dtype": "float32"})


@pytest.mark.parametrize("raw", [None, 3, "text", {"inner": 3, "named": [1], "listed": {}}, {"inner": None}])
def test_what_is_no_section_is_left_for_the_check_that_follows(raw):
    kept = completed(Outer, raw, "0.3.0")
    assert kept == raw
