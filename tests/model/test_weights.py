"""A model directory is whole, float32 and finite, or it does not load; the line names the tensor."""

import json
import os
import resource
import shutil

import jax
import numpy as np
import pytest
import safetensors.numpy
from conftest import CHECKPOINTS, GOLDEN

import odelt
from odelt import OdeltError
from odelt.model.weights import save_model
from odelt.objectives import OBJECTIVES
from odelt.sources.checkpoints import import_checkpoint

TENSOR = "ema/blocks/query/kernel"


@pytest.fixture
def directory(imported, tmp_path):
    return shutil.copytree(imported / "odelt", tmp_path / "model")


def change(directory, function) -> None:
    """Writes the tensors again, after `function` has changed the dict of them."""
    stored = safetensors.numpy.load_file(directory / "model.safetensors")
    function(stored)
    safetensors.numpy.save_file(stored, directory / "model.safetensors")


def refused(directory, match, **options) -> None:
    with pytest.raises(OdeltError, match=match) as error:
        odelt.load_model(directory, **options)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_weights_that_are_not_finite_do_not_load(directory, value):
    change(directory, lambda stored: stored[TENSOR].__setitem__((3, 0, 0), value))
    refused(directory, f"model.safetensors: '{TENSOR}' holds values that are not finite as float32")
    assert odelt.load_model(directory, "raw")


def test_weights_that_bfloat16_cannot_hold_load_in_float32_only(directory):
    change(directory, lambda stored: stored[TENSOR].__setitem__((3, 0, 0), 3.4e38))
    assert odelt.load_model(directory)
    refused(directory, "not finite as bfloat16; --dtype float32 may hold them", dtype="bfloat16")


@pytest.mark.parametrize("dtype", [np.int32, np.float16, np.float64, np.bool_])
def test_tensors_of_another_type_do_not_load(directory, dtype):
    change(directory, lambda stored: stored.update({TENSOR: stored[TENSOR].astype(dtype)}))
    refused(directory, f"'{TENSOR}' is of type '.*' and not float32; make it again")


@pytest.mark.parametrize(
    "function, match",
    [
        (lambda stored: stored.pop(TENSOR), "the weights lack 'blocks/query/kernel'"),
        (
            lambda stored: stored.update({TENSOR: stored[TENSOR][:, :16]}),
            r"'blocks/query/kernel' has shape \(8, 16, 32\)",
        ),
        (lambda stored: stored.update({TENSOR: np.array(1, np.float32)}), r"has shape \(\), this network"),
        (lambda stored: stored.update({"ema/more": np.zeros(2, np.float32)}), "the weights have 'more'"),
        (lambda stored: stored.update({"ema/final/out": np.zeros(2, np.float32)}), "the weights have 'final/out'"),
        (lambda stored: stored.update({"mean/x": np.zeros(2, np.float32)}), "'mean/x', which is neither"),
    ],
)
def test_tensors_that_are_missing_misshapen_or_too_many_do_not_load(directory, function, match):
    change(directory, function)
    refused(directory, match)
    refused(directory, match, length=4)


def test_a_configuration_of_another_network_is_suspected(directory):
    config = json.loads((directory / "config.json").read_text(encoding="utf-8"))
    (directory / "config.json").write_text(json.dumps({**config, "depth": 12}), encoding="utf-8")
    refused(directory, r"this network needs \(12, .*; is config.json of another network\?")


@pytest.mark.parametrize(
    "text, match",
    [
        ("{", "config.json: not JSON"),
        ("[]", "config.json: a block of keys is needed"),
        ('{"width": NaN}', "NaN is no number of JSON"),
        ('{"width": 1, "width": 2}', "the key 'width' is there twice; remove one of them"),
        ("[" * 100_000, "nested too deeply"),
        ('{"width": %s}' % ("1" * 5000), "config.json: not JSON"),
    ],
)
def test_a_damaged_configuration_is_told(directory, text, match):
    (directory / "config.json").write_text(text, encoding="utf-8")
    refused(directory, match)


def test_a_network_of_endless_size_is_refused_at_once(directory):
    config = json.loads((directory / "config.json").read_text(encoding="utf-8"))
    (directory / "config.json").write_text(json.dumps({**config, "depth": 10**12}), encoding="utf-8")
    refused(directory, "no size of a network is above 1,000,000, and 1,000,000,000,000 is asked for", length=4)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_a_pipe_in_a_model_directory_is_named(directory, name):
    (directory / name).unlink()
    os.mkfifo(directory / name)
    refused(directory, f"{name} is .*where a regular file is needed")


def test_weights_that_float32_cannot_hold_are_not_saved(imported, tmp_path):
    model = odelt.load_model(imported / "odelt")
    large = jax.tree.map(lambda w: w.astype(np.float64), model.weights)
    large["final"]["out"]["bias"][0] = 1e300
    with pytest.raises(OdeltError, match="ema weights: 'final/out/bias' holds values that are not finite as float32"):
        save_model(tmp_path / "m", model.config, raw=model.weights, ema=large)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def full_disk():
    """A limit of the file's size stands for it: the system's answer is another number of the same kind."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_an_import_onto_a_full_disk_names_the_path_and_the_remedy(tmp_path, full_disk):
    """The library of tensors has an error of its own for it."""
    sizes = {"heads": 4, "group": 2, "min_length": 2, "image": (8, 8)}
    with pytest.raises(OdeltError) as error:
        import_checkpoint(GOLDEN / CHECKPOINTS["sm"], tmp_path / "m", **sizes)
    assert str(error.value) == f"cannot write {tmp_path / 'm'}: File too large: make room; the same command goes on"
    assert list(tmp_path.iterdir()) == []


def test_a_model_directory_says_which_objective_made_it(directory, tmp_path):
    model = odelt.load_model(directory)
    assert json.loads((directory / "config.json").read_text(encoding="utf-8"))["objective"] == "shortcut"
    save_model(tmp_path / "m", model.config, raw=model.weights, ema=model.weights, objective=OBJECTIVES["rfm"])
    assert odelt.load_model(tmp_path / "m").objective.name == "rfm"
    assert list(json.loads((tmp_path / "m" / "config.json").read_text(encoding="utf-8")))[-1] == "objective"


def test_a_model_directory_of_before_counts_as_shortcut_and_an_unknown_objective_is_named(directory):
    path = directory / "config.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(content | {"objective": "shortcat"}), encoding="utf-8")
    refused(directory, "config.json: objective: 'shortcat' is none of .*; did you mean 'shortcut'?")
    del content["objective"]
    path.write_text(json.dumps(content), encoding="utf-8")
    assert odelt.load_model(directory).objective.name == "shortcut"


def test_a_model_that_is_first_asked_inside_of_jit_answers_outside_too(imported, golden):
    model = odelt.load_model(imported / "odelt", "raw")
    given = [golden[name] for name in "xtdy"]
    inside = jax.jit(lambda x: odelt.velocity(model, x, *given[1:]))(given[0])
    assert np.allclose(odelt.velocity(model, *given), inside, atol=1e-5)
