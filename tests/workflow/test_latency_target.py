"""`snakemake latency`, as a user runs it: no suite is asked for and nothing is trained."""

import csv
import json
import subprocess
import sys

import pytest
import yaml
from test_workflow import make_checkout, snakemake

pytestmark = pytest.mark.workflow
__all__ = ["make_checkout"]  # a fixture


def assert_audit_finds(folder, line, *, status):
    command = [sys.executable, "-m", "odelt", "audit", "results/mine"]
    audited = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert audited.returncode == status, audited.stderr
    assert line in audited.stdout + audited.stderr


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
    assert {one["path"] for one in record["inputs"]} >= {"b/full.json", "b/l4.json", "reference.yaml"}
    record = json.loads((results / "b" / "l4.json.prov.json").read_text())
    assert [one["path"] for one in record["inputs"]] == ["study.yaml"]
    assert_audit_finds(folder, "0 not", status=0)
    other = results / "b" / "l8.json"
    other.with_name("l12.json").write_bytes(other.read_bytes())
    assert_audit_finds(folder, "results/mine/b/l12.json: is not what was recorded", status=1)
    (results / "study.yaml").write_text((results / "study.yaml").read_text().replace("seed: 0", "seed: 1"))
    assert_audit_finds(folder, "results/mine/b/l4.json: was made from another study.yaml", status=1)
    assert snakemake(folder, "latency", "--config", "latency=config/none.yaml").returncode == 2
