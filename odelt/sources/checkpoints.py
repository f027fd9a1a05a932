"""Imports SM's and the authors' checkpoints: translates their names (Flax linen's automatic ones) to ours (SPEC 8)."""

import math
import pathlib
import re
from collections.abc import Iterator
from typing import Any, Literal

import jax.numpy as jnp
import numpy as np

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
    model_weights.save_model(out, config, **trees, objective=objective)
    return config


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
