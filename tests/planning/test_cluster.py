"""What `odelt doctor --profile slurm` says of a cluster, played by shell scripts."""

import os
import pathlib
import shutil

import pytest
import yaml

from odelt import OdeltError
from odelt.planning import cluster

ROOT = pathlib.Path(__file__).parents[2]
SACCT_WITHOUT_SLURMDBD = "echo 'Slurm accounting storage is disabled' >&2; exit 1"


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder with the profile as it is shipped, and a cluster with two partitions that keeps accounts."""
    shutil.copytree(ROOT / "profiles", tmp_path / "profiles")
    (tmp_path / "bin").mkdir()
    for name in (*cluster.PROGRAMS, "sacct"):
        answer(tmp_path, name, "echo cpu; echo gpu")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(cluster, "PLUGIN", "odelt")
    return tmp_path


def answer(project, program: str, script: str) -> None:
    path = project / "bin" / program
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)


def edit(project, **settings) -> None:
    path = project / "profiles" / "slurm" / "config.yaml"
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    content["default-resources"]["slurm_account"] = "physics"
    path.write_text(yaml.safe_dump(content | settings), encoding="utf-8")


def test_a_profile_with_its_two_edits_on_a_whole_cluster_lacks_nothing(project):
    edit(project)
    assert cluster.missing("slurm") == []


def test_a_profile_that_was_not_edited_is_told_which_line_to_edit(project):
    (line,) = cluster.missing("slurm")
    assert line == (
        "profiles/slurm/config.yaml: slurm_account is still ACCOUNT; write your account, or set slurm-no-account: true"
    )
    edit(project, **{"default-resources": {"slurm_account": "ACCOUNT"}, "slurm-no-account": True})
    assert cluster.missing("slurm") == []


def test_without_accounting_the_profile_has_to_ask_squeue(project):
    answer(project, "sacct", SACCT_WITHOUT_SLURMDBD)
    edit(project)
    (line,) = cluster.missing("slurm")
    assert "accounting storage is disabled" in line and line.endswith(
        "set slurm-status-command: squeue in profiles/slurm/config.yaml"
    )
    edit(project, **{"slurm-status-command": "squeue"})
    assert cluster.missing("slurm") == []


def test_a_partition_that_the_cluster_lacks_is_named_with_the_nearest_one(project):
    edit(project)
    answer(project, "sinfo", "echo cpu; echo gpus")
    (line,) = cluster.missing("slurm")
    assert line == "profiles/slurm/partitions.yaml: there is no partition 'gpu'; did you mean 'gpus'?"


def test_away_from_the_cluster_its_programs_are_missing(project, monkeypatch):
    edit(project)
    monkeypatch.setenv("PATH", "")
    (line,) = cluster.missing("slurm")
    assert line.startswith("sbatch, squeue, sinfo, scancel: not there") and "login node" in line


def test_a_filesystem_without_locks_and_a_missing_plugin_are_named(project, monkeypatch):
    edit(project)
    monkeypatch.setattr(cluster, "PLUGIN", "snakemake-executor-plugin-of-nobody")
    monkeypatch.setattr(cluster.locks, "work_in", lambda _: False)
    package, no_locks = cluster.missing("slurm")
    assert package.endswith("is not installed; type: make env-full, and use .venv-full")
    assert no_locks.startswith(f"no locks in {project}: ")


def test_an_unknown_profile_is_named_with_the_nearest_one(project):
    with pytest.raises(OdeltError, match="no profile 'slum'; did you mean 'slurm'"):
        cluster.missing("slum")


def test_a_profile_that_is_no_mapping_is_one_line(project):
    (project / "profiles" / "slurm" / "config.yaml").write_text("- a\n", encoding="utf-8")
    with pytest.raises(OdeltError, match=r"config\.yaml: a profile is keys with values"):
        cluster.missing("slurm")
