"""Released checkpoints become model directories, and bad ones leave nothing behind."""

import pickle
import pickletools

import ml_dtypes
import numpy as np
import pytest
from conftest import CHECKPOINTS, GOLDEN

import odelt
from odelt import OdeltError, cli
from odelt.model.weights import load_step
from odelt.sources import unpickle
from odelt.sources.checkpoints import export_checkpoint, import_checkpoint

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


def tree(value) -> dict:
    """Each leaf of nested dicts by its path: shape and type of an array, else its value's type."""
    if isinstance(value, dict):
        return {f"{key}/{path}": leaf for key, item in value.items() for path, leaf in tree(item).items()}
    return {"": (value.shape, value.dtype) if isinstance(value, np.ndarray) else type(value)}


def leaves(value) -> list[bytes]:
    """Every weight's bytes but those of the table that no network reads: released files hold zeros, golden ones not."""
    if isinstance(value, dict):
        return [leaf for key, item in value.items() if key != "Embed_0" for leaf in leaves(item)]
    return [value.tobytes()]


@pytest.mark.parametrize("name", CHECKPOINTS)
def test_an_exported_checkpoint_holds_what_the_released_code_wrote(imported, tmp_path, name):
    """Read with Python's own reader, as their code does. They drop the optimiser's state, which models here lack."""
    layout = name.partition("-")[0]
    export_checkpoint(imported / name, tmp_path / "exported", layout=layout)
    exported = pickle.loads((tmp_path / "exported").read_bytes())
    written = unpickle.load(GOLDEN / CHECKPOINTS[name])
    assert exported.keys() == written.keys()
    if layout == "sm":
        exported, written = exported["train_state"], written["train_state"]
    assert exported.keys() == written.keys() and exported.pop("opt_state") == ()
    del written["opt_state"]
    assert tree(exported) == tree(written) and exported["step"] == written["step"] == 800_001
    for key in ("params", "params_ema"):
        assert leaves(exported[key]) == leaves(written[key])


@pytest.mark.parametrize("name", CHECKPOINTS)
def test_import_of_an_export_is_the_same_model(imported, tmp_path, name):
    export_checkpoint(imported / name, tmp_path / "exported", layout=name.partition("-")[0])
    import_checkpoint(tmp_path / "exported", tmp_path / "again", **SETTINGS)
    for file in ("config.json", "model.safetensors"):
        assert (tmp_path / "again" / file).read_bytes() == (imported / name / file).read_bytes()


def test_an_exported_checkpoint_asks_for_nothing_but_numpys_array(imported, tmp_path):
    """So that every version of numpy reads it."""
    export_checkpoint(imported / "odelt", tmp_path / "exported", layout="odelt")
    texts, asked = [], set()
    for opcode, argument, _ in pickletools.genops((tmp_path / "exported").read_bytes()):
        texts += [argument] if isinstance(argument, str) else []
        asked |= {tuple(texts[-2:])} if opcode.name == "STACK_GLOBAL" else set()
    assert asked == {("numpy", "ndarray")}


def test_the_ema_can_be_exported_as_what_the_authors_code_evaluates(imported, tmp_path):
    export_checkpoint(imported / "odelt", tmp_path / "exported", layout="odelt", weights="ema")
    content, written = unpickle.load(tmp_path / "exported"), unpickle.load(GOLDEN / CHECKPOINTS["odelt"])
    assert leaves(content["params"]) == leaves(content["params_ema"]) == leaves(written["params_ema"])


def test_export_refuses_in_one_line_and_writes_nothing(imported, tmp_path, capsys):
    def refused(out, model="odelt", layout="odelt"):
        assert cli.main(["export", str(imported / model), "--format", layout, "--out", str(out)]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        return line

    (tmp_path / "there").write_text("kept", encoding="utf-8")
    assert "there is there already: remove it, or name another file" in refused(tmp_path / "there")
    assert "SM's network has no length table" in refused(tmp_path / "new", layout="sm")
    assert "no model directory" in refused(tmp_path / "new", model="nothing")
    assert [path.name for path in tmp_path.iterdir()] == ["there"]
    assert (tmp_path / "there").read_text(encoding="utf-8") == "kept"


def test_a_step_that_is_no_number_of_steps_counts_as_none(tmp_path, content):
    for step in (np.array(np.nan), np.zeros(3, np.int64), np.array(-1), 2**63, "9", None):
        (tmp_path / "checkpoint").write_bytes(pickle.dumps({**content, "step": step}))
        import_checkpoint(tmp_path / "checkpoint", tmp_path / "model", **SETTINGS)
        assert load_step(tmp_path / "model") == 0
