"""The workflow on a real SLURM with the profile of `profiles/slurm`: a clean run, and a run that is interrupted."""

import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

import pytest
import slurm
import yaml
from test_workflow import ROOT, snakemake, tiny_suite

pytestmark = [
    pytest.mark.rehearsal,
    pytest.mark.skipif(not slurm.is_installed(), reason="needs root and Debian's slurmctld, slurmd and munge"),
]
WEIGHTS = "results/tiny/digits/models/sm/model.safetensors"
LOG = "results/tiny/logs/digits/models/sm.log"
PATIENCE = 400  # seconds that a run may take
# A node that is here needs no waiting for.
QUICK = {"latency-wait": 5, "slurm-init-seconds-before-status-checks": 1, "seconds-between-status-checks": 2}


def checkout(folder: pathlib.Path) -> pathlib.Path:
    """A folder with the workflow, a small suite, and the profile with its edits for a cluster without accounting."""
    for part in ("Snakefile", "workflow", "profiles", "config", "envs"):
        copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
        copy(ROOT / part, folder / part)
    (folder / "config" / "tiny.yaml").write_text(yaml.safe_dump(tiny_suite(steps=400)), encoding="utf-8")
    (folder / "config" / "config.yaml").write_text("suite: tiny\n", encoding="utf-8")
    path = folder / "profiles" / "slurm" / "config.yaml"
    profile = yaml.safe_load(path.read_text(encoding="utf-8"))
    del profile["default-resources"]["slurm_account"]
    profile |= QUICK | {"slurm-no-account": True, "slurm-status-command": "squeue"}
    path.write_text(yaml.safe_dump(profile), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def cluster():
    with tempfile.TemporaryDirectory(prefix="slurm") as root, slurm.cluster(pathlib.Path(root)) as running:
        yield running


def start(cluster, folder: pathlib.Path) -> subprocess.Popen:
    command = [sys.executable, "-m", "snakemake", "--workflow-profile", "profiles/slurm", WEIGHTS]
    streams = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "encoding": "utf-8"}
    return subprocess.Popen(command, cwd=folder, env=cluster.environment, **streams)


def end(running: subprocess.Popen) -> str:
    said = running.communicate(timeout=PATIENCE)[1]
    assert running.returncode == 0, said
    return said


@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> bytes:
    """Those of an uninterrupted run on this machine, without SLURM."""
    folder = checkout(tmp_path_factory.mktemp("local"))
    told = snakemake(folder, WEIGHTS)
    assert told.returncode == 0, told.stderr
    return (folder / WEIGHTS).read_bytes()


def test_a_run_on_a_cluster_makes_the_same_weights_and_passes_its_audit(cluster, tmp_path, weights):
    folder = checkout(tmp_path)
    end(start(cluster, folder))
    assert (folder / WEIGHTS).read_bytes() == weights
    audit = subprocess.run([sys.executable, "-m", "odelt", "audit", "results/tiny"], cwd=folder, capture_output=True)
    assert audit.returncode == 0, audit.stdout


def test_a_training_that_is_cancelled_is_said_to_be_and_goes_on_to_the_same_weights(cluster, tmp_path, weights):
    folder = checkout(tmp_path)
    running, log = start(cluster, folder), tmp_path / LOG
    deadline = time.monotonic() + PATIENCE
    while not list((folder / "results").rglob("checkpoints/**/steps/*")) and time.monotonic() < deadline:
        assert running.poll() is None, running.stderr.read()
        time.sleep(0.1)
    jobs = cluster.say("squeue", "--noheader", "--format", "%i").split()
    cluster.say("scancel", *jobs)
    running.communicate(timeout=PATIENCE)
    assert running.returncode != 0
    assert "interrupted by SIGTERM at step" in log.read_text(encoding="utf-8")
    end(start(cluster, folder))
    assert (folder / WEIGHTS).read_bytes() == weights
    assert "going on from step" in log.read_text(encoding="utf-8")
