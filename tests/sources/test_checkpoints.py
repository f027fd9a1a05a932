"""Released checkpoints become model directories, and bad ones leave nothing behind."""

import pickle

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
