"""`snakemake latency`, as a user runs it: no suite is asked for and nothing is trained."""

import csv
import json
import shutil

import pytest
import yaml
from test_workflow import ROOT, audit, make_checkout, snakemake

pytestmark = pytest.mark.workflow
__all__ = ["make_checkout"]  # a fixture


@pytest.fixture(scope="module")
def folder(make_checkout):
    """A checkout in which the study `mine`, of one small network, has been made."""
    folder = make_checkout("latency")
    study = yaml.safe_load((folder / "config" / "latency-small.yaml").read_text(encoding="utf-8"))
    study |= {"repeats": 1, "seconds": 0, "solvers": ["euler:1"], "networks": {"b": study["networks"]["b"]}}
    study["networks"]["b"]["network"] |= {"width": 12, "image": [4, 4]}
    (folder / "config" / "mine.yaml").write_text(yaml.safe_dump(study), encoding="utf-8")
    told = snakemake(folder, "latency", "--config", "latency=config/mine.yaml")
    assert told.returncode == 0, told.stderr
    return folder


@pytest.fixture
def copy(folder, tmp_path):
    return shutil.copytree(folder / "results" / "mine", tmp_path / "results" / "mine")


def test_the_latency_study_is_a_target_of_its_own(folder):
    results = folder / "results" / "mine"
    assert not (folder / "results" / "tiny").exists()
    with (results / "latency.csv").open(encoding="utf-8") as file:
        table = list(csv.DictReader(file))
    assert [row["length"] for row in table] == ["full", "4", "8", "12"]
    assert all(float(row["latency_s"]) > 0 and float(row["peak_bytes"]) > 0 for row in table)
    record = json.loads((results / "latency.csv.prov.json").read_text(encoding="utf-8"))
    assert {one["path"] for one in record["inputs"]} >= {"b/programs.json", "reference.yaml"}
    record = json.loads((results / "b" / "programs.json.prov.json").read_text(encoding="utf-8"))
    assert [one["path"] for one in record["inputs"]] == ["study.yaml"]


def test_a_study_that_is_not_there_is_told(folder):
    assert snakemake(folder, "latency", "--config", "latency=config/none.yaml").returncode == 2


def test_a_study_is_verified_also_where_it_is_copied_to(copy, tmp_path):
    told = audit(tmp_path, "results/mine")
    assert told.returncode == 0 and "0 not" in told.stdout, told.stderr


@pytest.mark.parametrize(
    "changed, told", [("study.yaml", "was made from another study.yaml"), ("b/programs.json", "is not")]
)
def test_a_changed_file_of_a_study_is_told(copy, tmp_path, changed, told):
    (copy / changed).write_bytes((copy / changed).read_bytes() + b"\n")
    found = audit(tmp_path, "results/mine", "--tree")
    assert found.returncode == 1
    assert f"results/mine/b/programs.json: {told}" in found.stderr


def test_another_timer_makes_a_study_stale_and_the_command_for_it_is_told(folder, tmp_path):
    shutil.copytree(ROOT / "odelt", tmp_path / "odelt")
    shutil.copytree(folder / "config", tmp_path / "config")
    fresh = audit(folder, "results/mine", "--against", str(tmp_path))
    assert fresh.returncode == 0 and fresh.stdout.endswith("nothing is stale\n"), fresh.stdout + fresh.stderr
    timer = tmp_path / "odelt" / "evaluation" / "latency_study.py"
    timer.write_text(timer.read_text(encoding="utf-8") + "\nMORE = 1\n", encoding="utf-8")
    *stale, again = audit(folder, "results/mine", "--against", str(tmp_path)).stdout.splitlines()
    assert any(line.startswith("stale: results/mine/b/programs.json: ") for line in stale)
    assert not any(line.startswith("stale: results/mine/study.yaml") for line in stale)
    planned = snakemake(folder, *again.removeprefix("make again: snakemake --cores all ").split(), "--dry-run")
    planned = planned.stdout + planned.stderr
    assert "Time b at every length" in planned and "Keep the configuration" not in planned
