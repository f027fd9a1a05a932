"""Calls of Snakemake that are not the usual `--cores all`."""

import os
import pathlib
import shutil
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[2]
pytestmark = pytest.mark.workflow


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A checkout in which nothing has been made."""
    folder = tmp_path_factory.mktemp("checkout")
    shutil.copy(ROOT / "Snakefile", folder)
    for part in ("workflow", "profiles", "config", "envs"):
        shutil.copytree(ROOT / part, folder / part)
    return folder


def snakemake(folder: pathlib.Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "snakemake", *arguments, "--config", "suite=mini"]
    settings = {"capture_output": True, "encoding": "utf-8", "errors": "replace", "timeout": 120}
    return subprocess.run(command, cwd=folder, env=os.environ | environment, **settings)


@pytest.mark.parametrize("call", ["--summary", "--dag", "--unlock"])
def test_a_call_that_runs_nothing_needs_no_number_of_cores(folder, call):
    done = snakemake(folder, call)
    assert done.returncode == 0, done.stderr


def test_no_cores_are_told_in_one_line_before_anything_is_planned(folder):
    done = snakemake(folder, "--cores", "0")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == "odelt: --cores 0: no job could ever run; type --cores all, or a number"


def test_a_job_runs_where_there_is_no_path_and_the_locale_has_no_accents(folder, tmp_path):
    suite = folder / "config" / "mini.yaml"
    suite.write_text(suite.read_text(encoding="utf-8").replace("label: SM\n", "label: SM − ß\n"), encoding="utf-8")
    target = "results/mini/datasets/digits/dataset.npz"
    command = [sys.executable, "-m", "snakemake", target, "--cores", "1", "--config", "suite=mini"]
    environment = {"HOME": str(tmp_path), "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "LC_ALL": "C"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert (folder / target).exists()


def test_a_note_that_the_locale_cannot_pass_on_stops_in_one_line(folder):
    suite = folder / "config" / "mini.yaml"
    before = suite.read_text(encoding="utf-8")
    suite.write_text(before + "downloads: {note: − ß}\n", encoding="utf-8")
    done = snakemake(folder, "--summary", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0", LC_ALL="C")
    suite.write_text(before, encoding="utf-8")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("odelt: downloads.note: this locale lacks a character of")
