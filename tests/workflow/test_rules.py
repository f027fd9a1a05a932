"""The rules as they are written: what each declares."""

import pathlib
import re

import pytest
import yaml
from workflow_rules import RULES, lengths, rules

ROOT = pathlib.Path(__file__).parents[2]
TARGETS = ("publish", "only", "released", "latency")  # have no output and no command
LONGEST = 24  # lines


@pytest.mark.parametrize("name", rules())
def test_a_scheduler_is_told_what_a_rule_needs(name):
    if name not in TARGETS:
        for word in (r"resources:\n +\*\*resources_of", "conda:", "log:", "message:", "shell:"):
            assert re.search(rf"^ +{word}", rules()[name], flags=re.M), word


def test_every_room_has_its_rules():
    assert {
        "fetch",
        "prepare_images",
        "encode",
        "train",
        "sample",
        "statistics",
        "fid",
        "main_table",
    } <= rules().keys()


def test_a_rule_is_seen_at_one_glance():
    assert {name: lines for name, lines in lengths().items() if lines > LONGEST} == {}
    assert sum(len(file.read_text(encoding="utf-8").splitlines()) for file in RULES.glob("*.smk")) < 1000


def test_the_profile_leaves_resources_threads_and_retries_to_the_rules():
    """A profile of the user's own replaces a whole setting of this one, `default-resources` say."""
    settings = yaml.safe_load((ROOT / "profiles" / "default" / "config.yaml").read_text(encoding="utf-8"))
    assert not [key for key in settings if re.search("resources|threads|retries", key)]
