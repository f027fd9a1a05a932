"""The rules as they are written: what each declares."""

import re

import pytest
from workflow_rules import rules

TARGETS = ("publish", "only", "released", "latency")  # have no output and no command


@pytest.mark.parametrize("name", rules())
def test_a_scheduler_is_told_what_a_rule_needs(name):
    if name not in TARGETS:
        for word in ("threads:", "retries:", r"resources:\n +\*\*resources_of", "conda:", "log:", "message:", "shell:"):
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
