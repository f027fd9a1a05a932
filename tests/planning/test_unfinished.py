"""Which saved states of training `odelt clean` may remove: those that no command goes on from."""

import fcntl
import json
import pathlib

import pytest
import yaml

from odelt import cli, config
from odelt.machine import alive
from odelt.planning import clean, unfinished
from odelt.training import loop

ROOT = pathlib.Path(__file__).parents[2]
STATES = pathlib.Path("results/mini/checkpoints/digits")


def suite(**training):
    """mini's, with a tiny network; `training` changes the settings of its first model."""
    content = yaml.safe_load((ROOT / "config" / "mini.yaml").read_text(encoding="utf-8"))
    digits = content["experiments"]["digits"]
    digits["network"] = {"width": 8, "heads": 1, "depth": 1, "group": 1, "min_length": 1}
    digits["evaluation"]["grid"] = [{"models": ["sm"], "solvers": ["euler:1"]}]
    for model in digits["models"].values():
        model["training"] |= {"steps": 2, "batch_size": 16, "warmup_steps": 1}
    digits["models"]["sm"]["training"] |= training
    return config.parse(config.Suite, content, "mini")


def plain(section) -> str:
    return json.dumps(section.model_dump(mode="json"))


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """A folder in which the workflow that trained `sm` was killed: the dataset is there, and the last saved state."""
    folder, asked = tmp_path_factory.mktemp("stopped"), suite()
    settings = asked.experiments["digits"]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(alive, "is_alive", iter([True, False]).__next__)  # when training begins, and when it ends
        patch.setattr(loop, "_run", lambda step, state, *_: state)  # no steps
        dataset = "results/mini/datasets/digits/dataset.npz"
        assert cli.main(["prepare-data", "--settings", plain(settings.dataset), "--out", dataset]) == 0
        command = ["train", "--dataset", dataset, "--network", plain(config.network_of(settings)), "--seed", "10"]
        command += ["--training", plain(settings.models["sm"].training), "--checkpoints", str(STATES / "sm")]
        assert cli.main([*command, "--out", "results/mini/digits/models/sm"]) == 0
    return folder


@pytest.fixture
def here(stopped, monkeypatch, tmp_path):
    monkeypatch.chdir(stopped)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    (folder,) = unfinished.folders(pathlib.Path("results/mini"))
    return folder


def is_abandoned(folder, asked) -> bool:
    return unfinished.is_abandoned(folder, pathlib.Path("results/mini"), asked)


def test_a_run_that_the_same_command_goes_on_with_is_not_abandoned(here):
    assert not is_abandoned(here, suite())
    assert not is_abandoned(here, suite(log_every=1, checkpoint_every=3))
    last = list(clean.clean("mini", suite(), remove=True))[-2]
    assert last == f"{here} stays, and so do latents: the same command goes on with this training run"
    assert here.exists()


def test_a_run_with_other_settings_or_of_no_run_of_the_suite_is_abandoned(here):
    assert is_abandoned(here, suite(learning_rate=1e-5))
    assert is_abandoned(here, suite().model_copy(update={"experiments": {}}))


def test_a_run_on_data_that_have_changed_is_abandoned_and_one_whose_data_are_not_here_is_kept(here):
    parts = json.loads((here / "run.json").read_text(encoding="utf-8"))
    try:
        (here / "run.json").write_text(json.dumps(parts | {"dataset": "0" * 12}), encoding="utf-8")
        assert is_abandoned(here, suite())
        dataset = pathlib.Path("results/mini/datasets/digits/dataset.npz")
        dataset.rename("aside")
        assert not is_abandoned(here, suite())
        pathlib.Path("aside").rename(dataset)
    finally:
        (here / "run.json").write_text(json.dumps(parts), encoding="utf-8")


def test_a_run_that_is_being_trained_is_kept_whatever_the_suite_says(here):
    with (here / "lock").open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert not is_abandoned(here, suite(learning_rate=1e-5))


def test_clean_names_an_abandoned_run_with_its_size_and_removes_it_when_asked(here):
    asked = suite(learning_rate=1e-5)
    (line,) = [line for line in clean.clean("mini", asked, remove=False) if line.startswith(str(here))]
    assert line.endswith("MB of a training run that the suite asks for no more") and here.exists()
    list(clean.clean("mini", asked, remove=True))
    assert not here.exists()
