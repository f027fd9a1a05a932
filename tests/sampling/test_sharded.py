"""Sample i depends on (seed, i) only, whatever the number of devices (SPEC 5)."""

import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

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
import odelt
sys.path[:0] = ["tests", "tests/sampling"]
import test_sharded as t

model = odelt.load_model(sys.argv[1], "raw")
out = pathlib.Path(sys.argv[2])
assert jax.device_count() == int(sys.argv[3])
for solver in t.SOLVERS:
    for count in t.COUNTS:
        t.samples(model, solver, count).save(out / f"{solver}-{count}.npz")
t.samples(model, "dopri5:1e-3:joint16", 20).save(out / "joint.npz")
t.samples(model, "euler:4", 100, sharding="none").save(out / "alone.npz")
"""


@pytest.fixture(scope="module")
def made(imported, tmp_path_factory):
    """The same sample sets from one device and from eight virtual ones of the CPU, compiled as users' programs are.

    An adaptive solver turns rounding into other step sizes, so both sides are optimised alike.
    """
    root = tmp_path_factory.mktemp("sharded")
    for devices in (1, 8):
        out = root / str(devices)
        out.mkdir()
        command = [sys.executable, "-c", CHILD, str(imported / "odelt"), str(out), str(devices)]
        environment = os.environ | {"XLA_FLAGS": f"--xla_force_host_platform_device_count={devices}"}
        done = subprocess.run(command, env=environment, capture_output=True, encoding="utf-8", timeout=300)
        assert done.returncode == 0, done.stderr[-3000:]
    return root


def assert_same(made: pathlib.Path, name: str, expected: str | None = None) -> None:
    with np.load(made / "8" / f"{name}.npz") as eight, np.load(made / "1" / f"{expected or name}.npz") as one:
        assert np.array_equal(eight["labels"], one["labels"])
        assert np.array_equal(eight["evaluations"], one["evaluations"])
        assert eight["samples"].shape == one["samples"].shape
        assert np.abs(eight["samples"] - one["samples"]).max() < 1e-5 * np.ptp(one["samples"])


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("count", COUNTS)
def test_eight_devices_make_the_samples_of_one(made, solver, count):
    assert_same(made, f"{solver}-{count}")


def test_a_joint_batch_stays_on_one_device(made):
    assert_same(made, "joint")


def test_one_device_of_eight_can_be_asked_for(made):
    assert_same(made, "alone", "euler:4-100")
