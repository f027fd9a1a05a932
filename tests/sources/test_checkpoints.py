"""Released checkpoints become model directories, and bad ones leave nothing behind."""

import pickle

import ml_dtypes
import numpy as np
import pytest
from conftest import CHECKPOINTS, GOLDEN

import odelt
from odelt import OdeltError
from odelt.sources import unpickle
from odelt.sources.checkpoints import import_checkpoint

SETTINGS = {"heads": 4, "group": 2, "min_length": 2, "image": (8, 8)}


@pytest.fixture
def content():
    return unpickle.load(GOLDEN / CHECKPOINTS["odelt"])


def refused(tmp_path, content, match, **changes):
    path, out = tmp_path / "checkpoint", tmp_path / "out"
    path.write_bytes(pickle.dumps(content))
    with pytest.raises(OdeltError, match=match) as error:
        import_checkpoint(path, out, **{**SETTINGS, **changes})
    assert "\n" not in str(error.value)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["checkpoint"]


def test_config_has_the_keys_of_the_contract(imported):
    config = odelt.load_model(imported / "odelt").config
    assert config.model_dump(mode="json") == {
        "width": 32, "heads": 4, "depth": 8, "group": 2, "min_length": 2,
        "patch": 2, "channels": 4, "classes": 5, "image": [8, 8],
        "objective": "shortcut",
    }  # fmt: skip


def test_the_layout_is_recognised_or_checked(tmp_path):
    for name, layout in (("sm", "sm"), ("odelt", "odelt"), ("sm", "auto")):
        import_checkpoint(GOLDEN / CHECKPOINTS[name], tmp_path / "out", layout=layout, **SETTINGS)
    with pytest.raises(OdeltError, match="no checkpoint in the layout 'sm'; it looks like 'odelt'"):
        import_checkpoint(GOLDEN / CHECKPOINTS["odelt"], tmp_path / "out2", layout="sm", **SETTINGS)


def test_heads_that_do_not_divide_the_width_are_refused(tmp_path, content):
    refused(tmp_path, content, "heads: 5 does not divide the width 32", heads=5)


def test_weights_that_are_not_finite_are_refused(tmp_path, content):
    kernel = content["params_ema"]["DiTBlock_3"]["Dense_2"]["kernel"].copy()
    kernel[0, 0] = np.nan
    content["params_ema"]["DiTBlock_3"]["Dense_2"]["kernel"] = kernel
    refused(tmp_path, content, "ema weights: 'blocks/query/kernel' holds values that are not finite")


@pytest.mark.parametrize("dtype, value", [("float64", 1e300), ("float64", -1e300), ("float16", np.inf)])
def test_weights_that_float32_cannot_hold_are_refused(tmp_path, content, dtype, value):
    """They would become infinite in the cast."""
    bias = content["params"]["DiTBlock_3"]["Dense_2"]["bias"].astype(dtype)
    bias[1] = value
    content["params"]["DiTBlock_3"]["Dense_2"]["bias"] = bias
    refused(tmp_path, content, "raw weights: 'blocks/query/bias' holds values that are not finite as float32")


@pytest.mark.parametrize("dtype", ["float16", "float64", ml_dtypes.bfloat16])
def test_weights_of_other_floating_types_are_cast(tmp_path, content, dtype):
    """bfloat16 among them, which numpy alone does not know."""
    bias = np.full(32, 0.5, dtype)
    content["params"]["DiTBlock_3"]["Dense_2"]["bias"] = bias
    (tmp_path / "checkpoint").write_bytes(pickle.dumps(content))
    import_checkpoint(tmp_path / "checkpoint", tmp_path / "out", **SETTINGS)
    loaded = odelt.load_model(tmp_path / "out", "raw").weights["blocks"]["query"]["bias"]
    assert loaded.dtype == np.float32 and (loaded[3] == 0.5).all()


@pytest.mark.parametrize("dtype", ["int32", "uint8", "bool"])
def test_weights_that_are_no_floating_point_numbers_are_refused(tmp_path, content, dtype):
    content["params"]["DiTBlock_3"]["Dense_2"]["bias"] = np.ones(32, dtype)
    refused(tmp_path, content, f"'DiTBlock_3/Dense_2/bias' is of type {dtype}: weights are floating-point numbers")


def test_names_that_are_no_text_or_endless_are_told_shortened(tmp_path, content):
    params = content["params"]
    content["params"] = {**params, 3: {"kernel": np.zeros(3, np.float32)}}
    refused(tmp_path, content, "params: '3' is no name of a weight: names are text")
    content["params"] = {**params, "FinalLayer_0": {1: np.zeros(3, np.float32)}}
    refused(tmp_path, content, "params: 'FinalLayer_0/1' is no name of a weight")
    content["params"] = {**params, "a/b": np.zeros(3, np.float32)}
    refused(tmp_path, content, "params: 'a/b' is no name of a weight: names are text without '/'")
    content["params"] = {**params, f"DiTBlock_{'9' * 5000}": params["DiTBlock_0"]}
    refused(tmp_path, content, "unknown weight 'DiTBlock_9{20,}….{5,200}'$")
    content["params"] = {**params, "DiTBlock_07": params["DiTBlock_0"]}
    refused(tmp_path, content, "unknown weight 'DiTBlock_07/")


@pytest.mark.parametrize("shape", [(), (5,), (0, 0), (2, 2, 4, 0), (0, 2, 4, 32)])
@pytest.mark.parametrize("name", ["PatchEmbed_0/Conv_0/kernel", "LabelEmbedder_0/Embed_0/embedding"])
def test_weights_that_tell_sizes_and_are_misshapen_are_refused(tmp_path, content, name, shape):
    first, second, leaf = name.split("/")
    content["params"][first][second][leaf] = np.zeros(shape, np.float32)
    refused(tmp_path, content, "misshapen|has shape|greater than or equal to 1")


def test_weights_of_another_shape_are_refused(tmp_path, content):
    content["params"]["FinalLayer_0"]["Dense_1"]["kernel"] = np.zeros((32, 12), np.float32)
    refused(tmp_path, content, r"'final/out/kernel' has shape \(32, 12\), this network needs \(32, 16\)")


def test_blocks_that_are_missing_or_unlike_are_refused(tmp_path, content):
    del content["params"]["DiTBlock_3"]
    refused(tmp_path, content, "does not have one equal part for each of its 7 blocks")


def test_missing_and_unknown_weights_are_refused(tmp_path, content):
    del content["params"]["FinalLayer_0"]["Dense_1"]["bias"]
    refused(tmp_path, content, "raw weights: the weights lack 'final/out/bias'")
    content["params"]["FinalLayer_0"]["Dense_1"]["bias"] = np.zeros(16, np.float32)
    content["params"]["Extra_0"] = {"kernel": np.zeros(3, np.float32)}
    refused(tmp_path, content, "unknown weight 'Extra_0/kernel'")


@pytest.mark.parametrize("wrong", [[1, 2], {"a": 1}, {"params": {"w": np.zeros(3)}}, {"train_state": 3}])
def test_a_pickle_of_something_else_is_refused(tmp_path, wrong):
    refused(tmp_path, wrong, "checkpoint")
