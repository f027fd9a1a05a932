"""The script for a lent GPU: parts by name, in the time that is left."""

import os
import subprocess

from measured import ROOT

PARTS = ("scoring", "compiled", "tests", "targets", "variants", "latency")


def said(folder, *parts, **environment) -> list[str]:
    command = [str(ROOT / "benchmarks" / "gpu.sh"), str(folder), *parts]
    run = subprocess.run(command, env=os.environ | environment, capture_output=True, encoding="utf-8", check=True)
    assert (folder / "gpu.log").read_text(encoding="utf-8") == run.stdout
    return run.stdout.splitlines()


def test_a_part_that_has_no_time_left_is_named(tmp_path):
    assert said(tmp_path, BUDGET="10")[:-1] == [f"== {name}: no time was left" for name in PARTS]


def test_a_part_that_fails_is_named_and_the_next_is_run(tmp_path):
    lines = said(tmp_path, "compiled", "tests", PYTHON="/bin/false")
    assert [line for line in lines if "exit status" in line] == [
        f"== {name}: exit status 1 after 0 s" for name in ("compiled", "tests")
    ]
