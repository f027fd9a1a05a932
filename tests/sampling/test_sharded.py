"""Sample i depends on (seed, i) only, whatever the number of devices (SPEC 5)."""

import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

import odelt
from odelt.config import Solver
from odelt.sampling import generate

pytestmark = pytest.mark.rehearsal  # long: eight devices compile eight times
SOLVERS = ["euler:4", "dopri5:1e-3"]
COUNTS = [100, 3]
BATCH = 16


def samples(model, solver: str, count: int, **more):
    settings = {"seed": 3, "length": 8, "guidance": 1.5, "batch_size": BATCH, **more}
    return generate(model, solver=Solver.parse(solver), count=count, **settings)


CHILD = """
import pathlib, sys
import jax
sys.path[:0] = ["tests", "tests/sampling"]
import test_sharded as t

assert jax.device_count() == 8
model = t.odelt.load_model(sys.argv[1], "raw")
out = pathlib.Path(sys.argv[2])
for solver in t.SOLVERS:
    for count in t.COUNTS:
        t.samples(model, solver, count).save(out / f"{solver}-{count}.npz")
t.samples(model, "dopri5:1e-3:joint16", 20).save(out / "joint.npz")
t.samples(model, "euler:4", 100, sharding="none").save(out / "alone.npz")
"""


@pytest.fixture(scope="module")
def model(imported):
    return odelt.load_model(imported / "odelt", "raw")


@pytest.fixture(scope="module")
def on_eight_devices(imported, tmp_path_factory):
    """The same sample sets from a process with eight virtual devices of the CPU."""
    root = tmp_path_factory.mktemp("sharded")
    command = [sys.executable, "-c", CHILD, str(imported / "odelt"), str(root)]
    environment = os.environ | {"XLA_FLAGS": "--xla_force_host_platform_device_count=8"}
    done = subprocess.run(command, env=environment, capture_output=True, encoding="utf-8", timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    return root


def assert_same(path: pathlib.Path, expected) -> None:
    with np.load(path) as found:
        assert np.array_equal(found["labels"], expected.labels)
        assert np.array_equal(found["evaluations"], expected.evaluations)
        assert found["samples"].shape == expected.samples.shape
        assert np.abs(found["samples"] - expected.samples).max() < 1e-5 * np.ptp(expected.samples)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("count", COUNTS)
def test_eight_devices_make_the_samples_of_one(on_eight_devices, model, solver, count):
    assert_same(on_eight_devices / f"{solver}-{count}.npz", samples(model, solver, count))


def test_a_joint_batch_stays_on_one_device(on_eight_devices, model):
    assert_same(on_eight_devices / "joint.npz", samples(model, "dopri5:1e-3:joint16", 20))


def test_one_device_of_eight_can_be_asked_for(on_eight_devices, model):
    assert_same(on_eight_devices / "alone.npz", samples(model, "euler:4", 100))
