"""Imports SM's and the authors' checkpoints, and exports models as such: Flax linen's names and ours (SPEC 8)."""

import math
import pathlib
import pickle
import re
from collections.abc import Iterator
from typing import Any, Literal

import jax.numpy as jnp
import numpy as np

from odelt import files
from odelt.config import Network, parse
from odelt.errors import OdeltError
from odelt.model import weights as model_weights
from odelt.objectives import DEFAULT_OBJECTIVE, Objective
from odelt.quoting import quoted
from odelt.sources import unpickle

Format = Literal["auto", "sm", "odelt"]

BLOCK = re.compile(r"DiTBlock_(0|[1-9][0-9]{0,3})/(.+)")
BLOCK_PARTS = {
    "Dense_0": "modulation",
    "Dense_1": "key",
    "Dense_2": "query",
    "Dense_3": "value",
    "Dense_4": "attention_out",
    "MlpBlock_0/Dense_0": "mlp_hidden",
    "MlpBlock_0/Dense_1": "mlp_out",
}
PARTS = {
    "PatchEmbed_0/Conv_0": "patch_embedding",
    "TimestepEmbedder_0/Dense_0": "time_embedding/hidden",
    "TimestepEmbedder_0/Dense_1": "time_embedding/out",
    "TimestepEmbedder_1/Dense_0": "step_embedding/hidden",
    "TimestepEmbedder_1/Dense_1": "step_embedding/out",
    "LabelEmbedder_0/Embed_0": "label_embedding",
    "BlockEmbedder_0/Embed_0": "length_embedding",  # absent in SM
    "FinalLayer_0/Dense_0": "final/modulation",
    "FinalLayer_0/Dense_1": "final/out",
}
UNUSED = "Embed_0/embedding"  # 256x1, zero, read by nothing
PROTOCOL = 5  # of pickle; Python 3.8 and later read it


def import_checkpoint(
    file: str | pathlib.Path,
    out: str | pathlib.Path,
    *,
    heads: int,
    group: int,
    min_length: int,
    image: tuple[int, int] = (32, 32),
    layout: Format = "auto",
    objective: Objective = DEFAULT_OBJECTIVE,
) -> Network:
    """Writes the model directory `out` from a pickled checkpoint, with `params` as raw and `params_ema` as ema.

    Width, depth, patch, channels and classes are read off the shapes. Heads, group, shortest length, image size and the
    objective that it was trained with are not in the file. `layout` is sm ({'train_state': …}), odelt (the inner dict
    at top level) or auto.

    Raises:
        OdeltError: the file is no checkpoint of that layout, or its weights do not fit or are not finite.
    """
    state = _train_state(unpickle.load(file), layout, file)
    trees: dict[str, model_weights.Weights] = {}
    sizes: dict[str, int] = {}
    for kind, key in (("raw", "params"), ("ema", "params_ema")):
        where = f"{file}: {key}"
        if not isinstance(state.get(key), dict):
            raise OdeltError(f"{file}: the checkpoint has no '{key}'")
        tensors = dict(_flat(state[key], where))
        if kind == "raw":
            sizes = _sizes(tensors, where)
        trees[kind] = rename(tensors, where)
    chosen = {"heads": heads, "group": group, "min_length": min_length, "image": image}
    config = parse(Network, {**sizes, **chosen}, str(file))
    for kind, tree in trees.items():
        model_weights.check_weights(config, tree, f"{file}: {kind} weights")
    model_weights.save_model(out, config, **trees, objective=objective, step=_step(state.get("step")))
    return config


def export_checkpoint(
    directory: files.Path,
    out: files.Path,
    *,
    layout: Literal["sm", "odelt"],
    weights: model_weights.Kind = "raw",
) -> None:
    """Writes a model as a pickled checkpoint that SM's or the authors' code loads: the inverse of `import_checkpoint`.

    Weights are float32 and have linen's names: `params` are the raw ones (or, with `weights="ema"`, the EMA: odelt's
    code evaluates `params` alone, SPEC 9.1), and `params_ema` the EMA. There is no state of the optimiser, which both
    codes drop when they load. The timestamp is 0, so that one model gives one file.

    Raises:
        OdeltError: `out` is there already, `directory` is no model's, or SM's code has no such network.
    """
    if pathlib.Path(out).exists():
        raise OdeltError(f"{out} is there already: remove it, or name another file")
    models: dict[str, model_weights.Kind] = {"params": weights, "params_ema": "ema"}
    trees = {key: model_weights.load_model(directory, kind) for key, kind in models.items()}
    if layout == "sm" and model_weights.LENGTH_TABLE in trees["params"].weights:
        raise OdeltError(f"{directory}: SM's network has no length table, and this model has: type --format odelt")
    state: dict[str, Any] = {key: linen_names(model.weights, model.config) for key, model in trees.items()}
    state |= {"opt_state": (), "step": np.asarray(model_weights.load_step(directory), np.int64)}
    content = {"train_state": state} if layout == "sm" else state
    with files.writing(out) as draft, draft.open("wb") as file:
        _Pickler(file, PROTOCOL).dump({**content, "_timestamp": 0.0})


class _Pickler(pickle.Pickler):
    """Writes an array as a call of `numpy.ndarray`. What numpy 2 writes by itself, numpy 1 does not read."""

    def reducer_override(self, obj: Any) -> Any:
        if not isinstance(obj, np.ndarray):
            return NotImplemented
        array = np.ascontiguousarray(obj).reshape(obj.shape)  # the former makes a vector of a number
        return np.ndarray, (array.shape, f"{array.dtype.kind}{array.itemsize}", pickle.PickleBuffer(array.data))


def linen_names(weights: model_weights.Weights, config: Network) -> dict[str, Any]:
    """Returns nested weights with linen's names from ours: the inverse of `rename`."""
    theirs: dict[str, np.ndarray] = {UNUSED: np.zeros((256, 1), np.float32)}
    parts, block_parts = ({ours: name for name, ours in names.items()} for names in (PARTS, BLOCK_PARTS))
    for path, value in model_weights.flatten(weights).items():
        part, _, leaf = path.rpartition("/")
        if part in parts:
            theirs[f"{parts[part]}/{leaf}"] = value
        else:
            name = block_parts[part.removeprefix("blocks/")]
            theirs |= {f"DiTBlock_{index}/{name}/{leaf}": block for index, block in enumerate(value)}
    kernel = f"{parts['patch_embedding']}/kernel"
    theirs[kernel] = theirs[kernel].reshape(config.patch, config.patch, config.channels, config.width)
    return model_weights.unflatten(dict(sorted(theirs.items())))


def _step(value: Any) -> int:
    """Returns the number of training steps that a checkpoint holds; 0 if it holds none."""
    number = value.item() if isinstance(value, np.generic | np.ndarray) and value.size == 1 else value
    return number if isinstance(number, int) and 0 <= number < 2**63 else 0


def _flat(tree: dict, where: str, above: str = "") -> Iterator[tuple[str, np.ndarray]]:
    """Yields each array of nested dicts as float32, with its path ('DiTBlock_3/Dense_1/kernel')."""
    for name, value in tree.items():
        if not isinstance(name, str) or "/" in name:
            raise OdeltError(f"{where}: {quoted(f'{above}{name}')} is no name of a weight: names are text without '/'")
        path = f"{above}{name}"
        if isinstance(value, dict):
            yield from _flat(value, where, f"{path}/")
        else:
            yield path, _float32(value, f"{where}: {quoted(path)}")


def _float32(value: Any, where: str) -> np.ndarray:
    if not isinstance(value, np.ndarray):
        raise OdeltError(f"{where} is no array")
    if not jnp.issubdtype(value.dtype, jnp.floating):
        raise OdeltError(f"{where} is of type {value.dtype}: weights are floating-point numbers")
    with np.errstate(over="ignore"):  # infinite values are refused later, with the weight's name
        return value.astype(np.float32, copy=False)


def rename(tensors: dict[str, np.ndarray], where: str) -> model_weights.Weights:
    """Returns our nested weights from linen's flat names. Blocks are stacked."""
    ours: dict[str, np.ndarray] = {}
    stacks: dict[str, dict[int, np.ndarray]] = {}
    for name, value in tensors.items():
        block = BLOCK.fullmatch(name)
        part, _, leaf = (block[2] if block else name).rpartition("/")
        if block and part in BLOCK_PARTS:
            stacks.setdefault(f"blocks/{BLOCK_PARTS[part]}/{leaf}", {})[int(block[1])] = value
        elif part in PARTS:
            ours[f"{PARTS[part]}/{leaf}"] = value
        elif name != UNUSED:
            raise OdeltError(f"{where}: unknown weight {quoted(name)}")
    for path, stack in stacks.items():
        if sorted(stack) != list(range(len(stack))) or len({value.shape for value in stack.values()}) > 1:
            raise OdeltError(
                f"{where}: {quoted(path)} does not have one equal part for each of its {len(stack)} blocks"
            )
        ours[path] = np.stack([stack[index] for index in range(len(stack))])
    kernel = ours.get("patch_embedding/kernel")
    if kernel is not None and kernel.ndim == 4:  # a p x p convolution, as a Dense on a patch
        ours["patch_embedding/kernel"] = kernel.reshape(math.prod(kernel.shape[:-1]), kernel.shape[-1])
    return model_weights.unflatten(ours)


def _train_state(content: object, layout: Format, file) -> dict:
    actual, state = "odelt", content
    if isinstance(content, dict) and "train_state" in content:
        actual, state = "sm", content["train_state"]
    if layout not in ("auto", actual):
        raise OdeltError(f"{file}: this is no checkpoint in the layout '{layout}'; it looks like '{actual}'")
    if not isinstance(state, dict):
        raise OdeltError(f"{file}: a pickle, but not of a checkpoint: it holds a {type(content).__name__}")
    return state


def _sizes(tensors: dict[str, np.ndarray], where: str) -> dict[str, int]:
    """Returns the sizes of the network that follow from the shapes of linen's weights."""
    kernel = tensors.get("PatchEmbed_0/Conv_0/kernel")
    labels = tensors.get("LabelEmbedder_0/Embed_0/embedding")
    if kernel is None or labels is None or kernel.ndim != 4 or labels.ndim != 2:
        raise OdeltError(
            f"{where}: these are not a DiT's weights: PatchEmbed_0 or LabelEmbedder_0 is missing or misshapen"
        )
    patch, _, channels, width = kernel.shape
    depth = sum(name.endswith("/Dense_1/kernel") for name in tensors if BLOCK.fullmatch(name) and "Mlp" not in name)
    return {"width": width, "depth": depth, "patch": patch, "channels": channels, "classes": len(labels) - 1}
