"""Model directories: `config.json` and `model.safetensors`, with the `raw` and the `ema` weights of one network.

Weights are a nested dict of arrays named as in `odelt.model.dit`; a tensor's name in the file is its path with the
kind before it (`ema/blocks/query/kernel`). Block weights are stacked, so a short model reads only its own slice.
An SM file has no length table: its directory lacks `length_embedding`, and such a model has the conventional path only.
"""

import dataclasses
import functools
import json
import pathlib
from collections.abc import Mapping
from typing import Any, Literal

import flax.traverse_util
import jax
import numpy as np
import safetensors
import safetensors.numpy
from flax import nnx

from odelt import files, numerics, provenance
from odelt.config import Network, parse
from odelt.errors import OdeltError
from odelt.model import dit, held

Kind = Literal["ema", "raw"]
Weights = dict[str, Any]  # nested dict of arrays
LENGTH_TABLE = "length_embedding"
CONFIG, TENSORS = "config.json", "model.safetensors"


@dataclasses.dataclass(frozen=True)
class Model:
    """A network with one set of weights, float32 with blocks stacked, and the type that it computes in."""

    config: Network
    weights: Weights
    dtype: str = "float32"

    @property
    def structure(self) -> held.Structure:
        return held.Structure(self.config, LENGTH_TABLE in self.weights, self.dtype)

    def held_for(self, length: int | None) -> Weights:
        """What a program that runs at this length is given, on the device: the blocks that act, each by itself."""
        blocks, needed = self._held["blocks"], self.config.effective_blocks(length)
        if len(blocks) < needed:
            raise OdeltError(
                f"{len(blocks)} blocks were loaded and {needed} are needed: load the model for this length"
            )
        return {**self._held, "blocks": blocks[:needed]}

    @functools.cached_property
    def _held(self) -> Weights:
        return held.hold(self.structure, self.weights)

    def require_inner_ode(self) -> None:
        if LENGTH_TABLE not in self.weights:
            raise OdeltError(
                "these weights have no length table (an SM file has none): use the conventional path, length 'full'"
            )


def initial_weights(config: Network, seed: int, *, length_table: bool) -> Weights:
    """Fresh float32 weights with SPEC 2's initial values."""

    key = jax.random.key(seed, impl=numerics.PRNG)

    @jax.jit  # one program for all draws
    def draw():
        network = dit.DiT(config, length_table=length_table, rngs=nnx.Rngs(key))
        return nnx.to_pure_dict(nnx.state(network, nnx.Param))

    return draw()


def initial_length_table(config: Network, seed: int) -> Weights:
    """A fresh length table, for a fine-tuning that starts from an SM file (SPEC 4.6)."""
    return initial_weights(config, seed, length_table=True)[LENGTH_TABLE]


def flatten(weights: Weights) -> dict[str, Any]:
    return flax.traverse_util.flatten_dict(weights, sep="/")


def unflatten(tensors: Mapping[str, Any]) -> Weights:
    return flax.traverse_util.unflatten_dict(dict(tensors), sep="/")


def check_weights(config: Network, weights: Weights, where: str, *, blocks: int | None = None) -> None:
    """OdeltError unless every tensor is there with the network's shape (with `blocks` blocks where that is said)."""
    tensors = flatten(weights)
    params = nnx.state(dit.abstract(config, length_table=LENGTH_TABLE in weights), nnx.Param)
    shapes = {path: leaf.shape for path, leaf in flatten(nnx.to_pure_dict(params)).items()}
    expected = {
        path: (blocks, *shape[1:]) if blocks is not None and path.startswith("blocks/") else shape
        for path, shape in shapes.items()
    }
    for path in sorted(expected.keys() | tensors.keys()):
        if path not in tensors:
            raise OdeltError(f"{where}: the weights lack '{path}', which this network has")
        if path not in expected:
            raise OdeltError(f"{where}: the weights have '{path}', which this network has not")
        if tuple(tensors[path].shape) != expected[path]:
            raise OdeltError(
                f"{where}: '{path}' has shape {tuple(tensors[path].shape)}, this network needs {expected[path]}"
            )


def check_finite(weights: Weights, where: str) -> None:
    for path, leaf in flatten(weights).items():
        if not np.isfinite(leaf).all():
            raise OdeltError(f"{where}: '{path}' holds values that are not finite")


def save_model(directory: files.Path, config: Network, *, raw: Weights, ema: Weights) -> None:
    """Writes a model directory; nothing is left behind where that fails."""
    tensors = {}
    for kind, weights in (("raw", raw), ("ema", ema)):
        check_weights(config, weights, f"{kind} weights")
        check_finite(weights, f"{kind} weights")
        for path, leaf in flatten(weights).items():
            tensors[f"{kind}/{path}"] = np.ascontiguousarray(leaf, dtype=np.float32)
    with files.writing_directory(directory) as draft:
        (draft / CONFIG).write_text(json.dumps(config.model_dump(mode="json"), indent=2) + "\n")
        safetensors.numpy.save_file(tensors, draft / TENSORS)


def load_config(directory: files.Path) -> Network:
    path = pathlib.Path(directory) / CONFIG
    provenance.used(path)
    try:
        return parse(Network, json.loads(path.read_text()), str(path))
    except OSError as error:
        raise OdeltError(
            f"{directory} is no model directory: {path}: {error.strerror}; make one with 'odelt import-checkpoint'"
        ) from None
    except ValueError as error:
        raise OdeltError(f"{path} is damaged: {error}") from None


def load_model(
    directory: files.Path, weights: Kind = "ema", dtype: str = "float32", *, length: int | None = None
) -> Model:
    """The model in `directory` with its `ema` or `raw` weights, computing in `dtype` (float32 or bfloat16).

    With `length`, only the blocks that act at this length are read and held; the model then has no other length.
    """
    directory = pathlib.Path(directory)
    config = load_config(directory)
    if weights not in ("ema", "raw"):
        raise OdeltError(f"weights '{weights}': known are ema and raw")
    if dtype not in ("float32", "bfloat16"):
        raise OdeltError(f"dtype '{dtype}': known are float32 and bfloat16")
    blocks = config.effective_blocks(None if length is None else config.check_length(length))
    provenance.used(directory / TENSORS)
    try:
        with safetensors.safe_open(directory / TENSORS, framework="numpy") as file:
            paths = [name.removeprefix(f"{weights}/") for name in list(file.keys()) if name.startswith(f"{weights}/")]
            whole = {path: file.get_slice(f"{weights}/{path}") for path in paths}
            tensors = {path: view[:blocks] if path.startswith("blocks/") else view[:] for path, view in whole.items()}
    except (OSError, safetensors.SafetensorError) as error:
        raise OdeltError(f"{directory / TENSORS} cannot be read: {error}; make it again") from None
    tree = unflatten(tensors)
    check_weights(config, tree, str(directory / TENSORS), blocks=blocks)
    model = Model(config, tree, dtype)
    if length is not None:
        model.require_inner_ode()
    return model
