"""A run that is interrupted ends with the same weights, to the bit, as one that never was."""

import csv
import os
import pathlib
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from conftest import small_training

from odelt import OdeltError
from odelt.data import dataset
from odelt.data.dataset import LabelledImages
from odelt.model.weights import flatten, load_model
from odelt.training.checkpoints import RunFolder
from odelt.training.identity import fingerprint
from odelt.training.loop import start_weights, train

STEPS = 120
TRAINING = small_training(steps=STEPS, checkpoint_every=7, log_every=5, dropout=0.1, bootstrap="guided", guidance=1.5)


@pytest.fixture(scope="module")
def place(tmp_path_factory, small_network):
    """A folder with a dataset and the weights of a run that was never interrupted."""
    root = tmp_path_factory.mktemp("training")
    rng = np.random.default_rng(0)
    images, labels = rng.uniform(-1, 1, (50, 4, 4, 1)).astype(np.float32), np.arange(50, dtype=np.int32) % 10
    dataset.save(root / "dataset.npz", LabelledImages(images, labels))
    assert trainer(root, small_network, "whole").wait(timeout=600) == 0
    return root


def trainer(root: pathlib.Path, network, name: str, **more: str) -> subprocess.Popen:
    """A process that trains, with `more` variables of the environment."""
    command = [sys.executable, "-m", "odelt", "--log", root / f"{name}.log", "train"]
    command += ["--dataset", root / "dataset.npz", "--network", network.model_dump_json(), "--inner-ode"]
    command += ["--training", TRAINING.model_dump_json()]
    command += ["--checkpoints", root / f"{name}-checkpoints", "--timings", root / f"{name}.csv", "--out", root / name]
    return subprocess.Popen(command, stderr=subprocess.DEVNULL, env=os.environ | more)


def saved_steps(root: pathlib.Path, name: str) -> list[int]:
    return [int(p.name) for p in root.glob(f"{name}-checkpoints/*/steps/*") if p.name.isdecimal()]


def wait_for_a_step_after(root: pathlib.Path, name: str, step: int) -> None:
    deadline = time.monotonic() + 120
    while not any(saved > step for saved in saved_steps(root, name)):
        assert time.monotonic() < deadline
        time.sleep(0.005)


def weights_of(root: pathlib.Path, name: str) -> dict:
    return {
        f"{kind}/{k}": v for kind in ("raw", "ema") for k, v in flatten(load_model(root / name, kind).weights).items()
    }


def assert_same_outcome(root, name):
    whole, other = weights_of(root, "whole"), weights_of(root, name)
    assert all(np.array_equal(whole[path], other[path]) for path in whole)
    assert (root / name / "training.csv").read_bytes() == (root / "whole" / "training.csv").read_bytes()


def damage_the_newest_state(root: pathlib.Path, name: str) -> None:
    newest = root.glob(f"{name}-checkpoints/*/steps/{max(saved_steps(root, name))}/state/ocdbt*/d/*")
    path = max(newest, key=lambda path: path.stat().st_size)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


# A scheduler sends several signals, milliseconds apart: they are one request.
KILLED = [([signal.SIGKILL], -9), ([signal.SIGKILL], -9)]
ASKED = [([signal.SIGTERM] * 4, 143), ([signal.SIGINT, signal.SIGTERM, signal.SIGINT], 130)]


@pytest.mark.parametrize("name, interruptions", [("killed", KILLED), ("asked", ASKED)])
def test_interrupted_twice_and_damaged_it_ends_with_the_same_weights_and_curve(
    place, small_network, name, interruptions
):
    for signums, status in interruptions:
        before = max(saved_steps(place, name), default=0)
        process = trainer(place, small_network, name)
        wait_for_a_step_after(place, name, before)
        for signum in signums:
            process.send_signal(signum)
            time.sleep(0.002)
        assert process.wait(timeout=60) == status
        assert not (place / name).exists()
    damage_the_newest_state(place, name)
    assert trainer(place, small_network, name).wait(timeout=600) == 0
    assert_same_outcome(place, name)
    assert not (place / f"{name}-checkpoints").exists()
    said = (place / f"{name}.log").read_text(encoding="utf-8")
    assert "is damaged" in said and "going on from step" in said


def test_variables_of_jax_change_neither_weights_nor_curve(place, small_network):
    variables = {"JAX_ENABLE_X64": "1", "JAX_DEFAULT_PRNG_IMPL": "rbg", "JAX_RANDOM_SEED_OFFSET": "3"}
    assert trainer(place, small_network, "variables", **variables).wait(timeout=600) == 0
    assert_same_outcome(place, "variables")
    assert "JAX_ENABLE_X64=1 has no effect" in (place / "variables.log").read_text(encoding="utf-8")


def test_the_curve_has_a_line_per_log_interval(place):
    with (place / "whole" / "training.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["step"]) for row in rows] == list(range(5, STEPS + 1, 5))
    assert all(float(row["loss"]) > 0 for row in rows)


def test_how_fast_it_was_is_in_a_file_of_its_own(place):
    with (place / "whole.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["step"]) for row in rows] == list(range(5, STEPS + 1, 5))
    assert all(float(row["images_per_s"]) > 0 and 0 <= float(row["input_wait"]) < 1 for row in rows)


def test_whatever_decides_the_outcome_tells_runs_apart():
    names = {fingerprint(seed=seed, training=training) for seed in (0, 1) for training in ({"steps": 1}, {"steps": 2})}
    assert len(names) == 4
    assert fingerprint(a=1, b=2) == fingerprint(b=2, a=1)


def test_two_trainers_never_write_the_same_run(tmp_path):
    first = RunFolder(tmp_path, {"seed": 0})
    with pytest.raises(OdeltError, match="another process is training this run"):
        RunFolder(tmp_path, {"seed": 0})
    first.close()
    RunFolder(tmp_path, {"seed": 0}).close()


def test_a_loss_that_is_not_finite_stops_the_run_and_writes_no_weights(place, small_network, tmp_path):
    data = dataset.load(place / "dataset.npz")
    data.images[:] = np.inf
    weights = start_weights(small_network, None, True, 0)
    settings = {"inner_ode": True, "seed": 0, "checkpoints": tmp_path / "c", "identity": {}, "out": tmp_path / "out"}
    with pytest.raises(OdeltError, match="the loss is not finite at step 5"):
        train(data, weights, small_network, TRAINING, **settings)
    assert not (tmp_path / "out").exists()


def test_a_run_starts_from_the_raw_weights_and_a_fresh_length_table(imported, golden):
    config = load_model(imported / "sm", "raw").config
    weights = flatten(start_weights(config, imported / "sm", True, seed=0))
    assert np.array_equal(weights["blocks/key/kernel"][3], golden["params/DiTBlock_3/Dense_1/kernel"])
    assert weights["length_embedding/embedding"].shape == (config.depth + 1, config.width)
    assert np.std(weights["length_embedding/embedding"]) == pytest.approx(0.02, rel=0.2)
    assert "length_embedding/embedding" not in flatten(start_weights(config, imported / "odelt", False, seed=0))
    kept = flatten(start_weights(config, imported / "odelt", True, seed=0))["length_embedding/embedding"]
    assert np.array_equal(kept, golden["params/BlockEmbedder_0/Embed_0/embedding"])


def test_a_start_of_another_size_is_refused(imported, small_network):
    with pytest.raises(OdeltError, match="cannot start this run: its channels is 4, not 1"):
        start_weights(small_network, imported / "sm", True, seed=0)
