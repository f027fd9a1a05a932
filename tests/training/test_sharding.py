"""A run on eight devices is the run on one: same losses and weights but for rounding; each goes on from the other.

Eight virtual devices of the CPU, in processes of their own; this process has one.
"""

import csv
import json
import os
import pathlib
import signal
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import small_training

from odelt import OdeltError
from odelt.config import Network
from odelt.data import dataset, loader
from odelt.data.dataset import LabelledImages
from odelt.machine.sharding import ONE_DEVICE, Placement, make_placement
from odelt.model import runs
from odelt.model.weights import flatten, initial_weights, load_model
from odelt.training import loop, step
from odelt.training.checkpoints import Interrupted

pytestmark = pytest.mark.rehearsal  # long: eight devices compile eight times

NETWORK = Network(width=16, heads=2, depth=2, group=1, min_length=1, channels=1, classes=10, image=(4, 4))
STEPS = 6
STOP_AT = 3
TRAINING = small_training(
    steps=STEPS, log_every=1, learning_rate=1e-2, dropout=0.1, bootstrap="guided", guidance=1.5, batch_size=48
)
ON_EIGHT = {"XLA_FLAGS": "--xla_force_host_platform_device_count=8"}


def train(root: pathlib.Path, name: str, sharding: str) -> None:
    """A run that writes `root/name`."""
    loop.train(
        dataset.load(root / "dataset.npz"),
        loop.start_weights(NETWORK, None, True, 0),
        NETWORK,
        TRAINING,
        inner_ode=True,
        seed=0,
        checkpoints=root / f"{name}-checkpoints",
        identity={},
        out=root / name,
        timings=root / f"{name}.csv",
        sharding=sharding,
    )


def stop_at(batch: int):
    """The loader, but a SIGTERM comes with this batch."""
    batches = loader.batches

    def stopping(*arguments):
        for k, each in enumerate(batches(*arguments), start=1):
            if k == batch:
                os.kill(os.getpid(), signal.SIGTERM)
            yield each

    return stopping


def program_facts(sharding: str) -> dict[str, float]:
    """What the compiled step costs each device: operations, bytes of its arguments, bytes of those it gives away."""
    place = make_placement(sharding)
    count = TRAINING.images_per_step
    batch = np.zeros((count, *NETWORK.image, 1), np.float32), np.zeros(count, np.int32)
    weights = runs.split(initial_weights(NETWORK, 0, length_table=True), NETWORK)
    state = place.put_state(step.initial_state(weights, TRAINING))
    program = step.make_step(NETWORK, TRAINING, True, None, place)
    compiled = program.lower(state, *place.put_rows(batch), jax.random.key(0)).compile()
    memory = compiled.memory_analysis()
    return {
        "operations": compiled.cost_analysis()["flops"],
        "state": memory.argument_size_in_bytes - sum(a.nbytes for a in batch),
        "given_away": memory.alias_size_in_bytes,
    }


CHILD = """
import json, pathlib, sys
import jax
sys.path[:0] = ["tests", "tests/training"]
import test_sharding as t
assert jax.device_count() == 8
root = pathlib.Path(sys.argv[1])
for sharding in ("data", "full"):
    t.train(root, sharding, sharding)
    (root / f"{sharding}.json").write_text(json.dumps(t.program_facts(sharding)))
t.train(root, "from-one-to-eight", "full")
t.loader.batches = t.stop_at(t.STOP_AT)
try:
    t.train(root, "from-eight-to-one", "full")
except t.Interrupted:
    sys.exit(0)
sys.exit("it was not interrupted")
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with the run on one device, those on eight, and one interrupted here and one interrupted there."""
    root = tmp_path_factory.mktemp("sharding")
    rng = np.random.default_rng(0)
    images, labels = rng.uniform(-1, 1, (50, 4, 4, 1)).astype(np.float32), np.arange(50, dtype=np.int32) % 10
    dataset.save(root / "dataset.npz", LabelledImages(images, labels))
    train(root, "none", "none")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loader, "batches", stop_at(STOP_AT))
        with pytest.raises(Interrupted, match=f"at step {STOP_AT} of {STEPS}"):
            train(root, "from-one-to-eight", "none")
    command = [sys.executable, "-c", CHILD, str(root)]
    done = subprocess.run(command, env=os.environ | ON_EIGHT, capture_output=True, encoding="utf-8", timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    train(root, "from-eight-to-one", "none")
    return root


def losses(root: pathlib.Path, name: str) -> dict[int, list[float]]:
    parts = ("loss", "flow", "time_consistency", "length_consistency")
    with (root / name / "training.csv").open(encoding="utf-8") as file:
        return {int(row["step"]): [float(row[part]) for part in parts] for row in csv.DictReader(file)}


def weights_of(root: pathlib.Path, name: str) -> np.ndarray:
    """All weights but the key biases, whose gradient is mathematically zero: Adam makes steps of its rounding."""
    tensors = flatten(load_model(root / name, "raw").weights)
    return np.concatenate([np.ravel(tensors[path]) for path in sorted(tensors) if path != "blocks/key/bias"])


@pytest.mark.parametrize("name", ["data", "full", "from-one-to-eight", "from-eight-to-one"])
def test_losses_and_weights_do_not_depend_on_the_devices(place, name):
    expected, found = losses(place, "none"), losses(place, name)
    assert list(found) == list(range(1, STEPS + 1))
    for k in found:
        assert found[k] == pytest.approx(expected[k], rel=1e-4), k
    reference = weights_of(place, "none")
    error = np.linalg.norm(weights_of(place, name) - reference) / np.linalg.norm(reference)
    assert error < 1e-4


def test_the_timings_say_how_long_the_device_waited_for_input(place):
    with (place / "data.csv").open(encoding="utf-8") as file:
        waits = [float(row["input_wait"]) for row in csv.DictReader(file)]
    assert len(waits) == STEPS - 1 and all(0 <= wait < 1 for wait in waits)  # the first step compiles


def test_work_and_state_are_shared_by_the_devices(place):
    """Rows leave longest first, and yet every device has its share of every group of blocks; so with the state."""
    facts = {
        sharding: json.loads((place / f"{sharding}.json").read_text(encoding="utf-8")) for sharding in ("data", "full")
    }
    one = program_facts("none")
    for sharding in facts:
        assert facts[sharding]["operations"] < 1.6 / 8 * one["operations"]
        assert facts[sharding]["given_away"] > 0.95 * facts[sharding]["state"]
    assert facts["full"]["state"] < 0.2 * facts["data"]["state"]


def test_one_device_is_used_as_if_there_were_no_sharding():
    assert make_placement() is make_placement("full") is make_placement("none") is ONE_DEVICE


def test_what_the_loader_gives_is_prepared_in_the_step():
    """Means and deviations become data: the data themselves where the deviation is 0, else drawn anew at every step."""
    training = small_training(objective="rfm")
    count = training.images_per_step
    x1, y = jax.random.normal(jax.random.key(5), (count, 4, 4, 1)), jnp.arange(count) % 10

    def sampled(key, moments):
        mean, deviation = jnp.split(moments, 2, axis=-1)
        return mean + deviation * jax.random.normal(key, mean.shape)

    def losses_of(run, x):
        state = step.initial_state(runs.split(initial_weights(NETWORK, 0, length_table=False), NETWORK), training)
        found = []
        for _ in range(2):
            state, metrics = run(state, x, y, jax.random.key(0))
            found.append(float(metrics["loss"]))
        return np.array(found)

    plain = losses_of(step.make_step(NETWORK, training, False), x1)
    run = step.make_step(NETWORK, training, False, sampled)
    exact, noisy = (losses_of(run, jnp.concatenate([x1, jnp.full_like(x1, s)], axis=-1)) for s in (0.0, 0.5))
    assert exact == pytest.approx(plain, rel=1e-5)
    difference = noisy - plain
    assert np.all(np.abs(difference) > 0.01) and abs(difference[0] - difference[1]) > 1e-3


def test_the_key_of_prepare_is_no_other_streams():
    key = jax.random.key(3)
    streams = [*jax.random.split(key), jax.random.fold_in(key, step.PREPARE_STREAM)]
    assert len({tuple(jax.random.key_data(stream).tolist()) for stream in streams}) == 3


def test_a_batch_that_the_devices_do_not_divide_is_refused_at_once(tmp_path, monkeypatch):
    five = Placement(jax.sharding.AbstractMesh((5,), ("data",)))
    monkeypatch.setattr(loop, "make_placement", lambda sharding: five)
    dataset.save(tmp_path / "dataset.npz", LabelledImages(np.zeros((5, 4, 4, 1), np.float32), np.zeros(5, np.int32)))
    with pytest.raises(OdeltError, match="batch_size 48 cannot be shared evenly by 5 devices; choose a multiple of 5"):
        train(tmp_path, "run", "data")
    assert [path.name for path in tmp_path.iterdir()] == ["dataset.npz"]
