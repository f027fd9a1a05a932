"""`snakemake latency`, as a user runs it: no suite is asked for and nothing is trained."""

import csv
import json

import pytest
import yaml
from test_workflow import make_checkout, snakemake

pytestmark = pytest.mark.workflow
__all__ = ["make_checkout"]  # a fixture


def test_the_latency_study_is_a_target_of_its_own(make_checkout):
    folder = make_checkout("latency")
    study = yaml.safe_load((folder / "config" / "latency-small.yaml").read_text())
    study |= {"repeats": 1, "solvers": ["euler:1"], "networks": {"b": study["networks"]["b"]}}
    study["networks"]["b"]["network"] |= {"width": 12, "image": [4, 4]}
    (folder / "config" / "mine.yaml").write_text(yaml.safe_dump(study))
    told = snakemake(folder, "latency", "--config", "latency=config/mine.yaml")
    assert told.returncode == 0, told.stderr

    results = folder / "results" / "mine"
    assert not (folder / "results" / "tiny").exists()
    with (results / "latency.csv").open() as file:
        table = list(csv.DictReader(file))
    assert [row["length"] for row in table] == ["full", "4", "8", "12"]
    assert all(float(row["latency_s"]) > 0 and float(row["peak_bytes"]) > 0 for row in table)
    record = json.loads((results / "latency.csv.prov.json").read_text())
    assert {one["path"] for one in record["inputs"]} >= {"b/full.json", "b/l4.json", "config/reference.yaml"}
    record = json.loads((results / "b" / "l4.json.prov.json").read_text())
    assert [one["path"] for one in record["inputs"]] == ["config/mine.yaml"]
    assert snakemake(folder, "latency", "--config", "latency=config/none.yaml").returncode == 2
