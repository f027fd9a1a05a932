"""`snakemake benchmarks_report`: the measured speeds as a table and a figure."""

import shutil

import pytest
from test_workflow import ROOT, make_checkout, snakemake

pytestmark = pytest.mark.workflow
__all__ = ["make_checkout"]  # a fixture


def test_the_committed_measurements_become_a_table_and_a_figure(make_checkout):
    folder = make_checkout("benchmarks")
    shutil.copytree(ROOT / "benchmarks", folder / "benchmarks")
    told = snakemake(folder, "benchmarks_report")
    assert told.returncode == 0, told.stderr
    made = folder / "results" / "benchmarks"
    assert (made / "table.md").read_text(encoding="utf-8") == (ROOT / "benchmarks" / "results" / "table.md").read_text(
        encoding="utf-8"
    )
    assert (made / "throughput.svg").stat().st_size and (made / "throughput.png").stat().st_size
    assert not (folder / "results" / "tiny").exists()
