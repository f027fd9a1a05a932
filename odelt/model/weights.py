"""Model directories: the configuration of one network, and a file of tensors with its `raw` and its `ema` weights.

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
from flax import nnx

from odelt import files, tensors, trace
from odelt.config import ModelConfig, Network, parse
from odelt.errors import OdeltError
from odelt.layout.model_directory import CONFIG, WEIGHTS
from odelt.machine import numerics
from odelt.model import dit, held
from odelt.objectives import DEFAULT_OBJECTIVE, Objective
from odelt.plain_data import read_json
from odelt.quoting import quoted

Kind = Literal["ema", "raw"]
Weights = dict[str, Any]  # nested dict of arrays
LENGTH_TABLE = "length_embedding"


@dataclasses.dataclass(frozen=True)
class Model:
    """A network with one set of weights, float32 with blocks stacked, and the type that it computes in.

    `objective` is the one that it was trained with.
    """

    config: Network
    weights: Weights
    dtype: str = "float32"
    objective: Objective = DEFAULT_OBJECTIVE

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
        with jax.ensure_compile_time_eval():  # arrays, also where the first call is inside of a caller's `jax.jit`
            return held.hold(self.structure, self.weights)

    def condition(self, d: int | None, default: int) -> int:
        """Returns the step-size condition for sampling with d, or with a solver whose own condition is `default`.

        Raises:
            OdeltError: the network never saw d, and it is asked for another than 0 (SPEC 9.14).
        """
        if d is None:
            return self.objective.sampling_d(default)
        if d and not self.objective.step_conditioned:
            raise OdeltError(
                f"d = {d}: a network of the objective '{self.objective.name}' never saw a step size; leave d out"
            )
        return d

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


def check_weights(config: Network, weights: Weights, where: str) -> None:
    """OdeltError unless every tensor is there, with the network's shape, and finite as float32."""
    arrays = flatten(weights)
    _check_shapes(config, {path: tuple(array.shape) for path, array in arrays.items()}, where)
    for path, array in arrays.items():
        _check_finite(array, path, where)


def _check_shapes(config: Network, shapes: Mapping[str, tuple[int, ...]], where: str, remedy: str = "") -> None:
    length_table = any(path.startswith(f"{LENGTH_TABLE}/") for path in shapes)
    params = nnx.state(dit.abstract(config, length_table=length_table), nnx.Param)
    expected = {path: leaf.shape for path, leaf in flatten(nnx.to_pure_dict(params)).items()}
    for path in sorted(expected.keys() | shapes.keys()):
        if path not in shapes:
            raise OdeltError(f"{where}: the weights lack '{path}', which this network has{remedy}")
        if path not in expected:
            raise OdeltError(f"{where}: the weights have {quoted(path)}, which this network has not{remedy}")
        if shapes[path] != expected[path]:
            raise OdeltError(f"{where}: '{path}' has shape {shapes[path]}, this network needs {expected[path]}{remedy}")


def _check_finite(array: np.ndarray, path: str, where: str, dtype: str = "float32") -> None:
    if not tensors.is_finite(array, dtype):
        larger = "; --dtype float32 may hold them" if dtype != "float32" else ""
        raise OdeltError(f"{where}: '{path}' holds values that are not finite as {dtype}{larger}")


def save_model(
    directory: files.Path,
    config: Network,
    *,
    raw: Weights,
    ema: Weights,
    objective: Objective = DEFAULT_OBJECTIVE,
    step: int = 0,
) -> None:
    """Writes a model directory; nothing is left behind where that fails. `step` is the number of training steps."""
    stored = {}
    for kind, weights in (("raw", raw), ("ema", ema)):
        check_weights(config, weights, f"{kind} weights")
        for path, leaf in flatten(weights).items():
            stored[f"{kind}/{path}"] = np.ascontiguousarray(leaf, dtype=np.float32)
    with files.writing_directory(directory) as draft:
        content = config.model_dump(mode="json") | {"objective": objective.name}
        (draft / CONFIG).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        tensors.save(draft / WEIGHTS, stored, {"step": str(step)})


def load_config(directory: files.Path) -> ModelConfig:
    """What a model directory says of its network and its objective.

    Raises:
        OdeltError: there is no `config.json`, or it is damaged or of something else.
    """
    path = pathlib.Path(directory) / CONFIG
    if not path.exists():
        raise OdeltError(f"{directory} is no model directory: it has no {CONFIG}; 'odelt import-checkpoint' makes one")
    files.require_regular(path, "model's configuration")
    trace.used(path)
    return parse(ModelConfig, read_json(path, "model's configuration"), str(path))


def load_model(
    directory: files.Path, weights: Kind = "ema", dtype: str = "float32", *, length: int | None = None
) -> Model:
    """The model in `directory` with its `ema` or `raw` weights, computing in `dtype` (float32 or bfloat16).

    With `length`, only the blocks that act at this length are read and held; the model then has no other length.

    Raises:
        OdeltError: the directory is no model's, or is damaged; its tensors are not float32, not those of the network
            in its `config.json`, or not finite in `dtype`; an argument is none of those above.
    """
    directory = pathlib.Path(directory)
    config = load_config(directory)
    if weights not in ("ema", "raw"):
        raise OdeltError(f"weights {quoted(weights)}: known are ema and raw")
    if dtype not in ("float32", "bfloat16"):
        raise OdeltError(f"dtype {quoted(dtype)}: known are float32 and bfloat16")
    read = unflatten(_read(directory / WEIGHTS, config, weights, dtype, length))
    model = Model(config, read, dtype, config.objective)
    if length is not None:
        model.require_inner_ode()
    return model


def load_step(directory: files.Path) -> int:
    """Returns the training steps of a model that `load_model` takes; 0 where an older version wrote it."""
    step = tensors.facts(pathlib.Path(directory) / WEIGHTS).get("step", "0")
    return int(step) if step.isdecimal() else 0


def _read(path: pathlib.Path, config: Network, kind: Kind, dtype: str, length: int | None) -> dict[str, np.ndarray]:
    """The tensors of one kind by their path; of the blocks, those that act at this length."""
    with tensors.opened(path, "file of weights") as views:
        for name in views:
            if name.partition("/")[0] not in ("raw", "ema"):
                raise OdeltError(f"{path} holds {quoted(name)}, which is neither of the raw nor of the ema weights")
        of_kind = {name.partition("/")[2]: view for name, view in views.items() if name.startswith(f"{kind}/")}
        shapes = {name: tuple(view.get_shape()) for name, view in of_kind.items()}
        _check_shapes(config, shapes, str(path), f"; is {CONFIG} of another network?")
        blocks = config.effective_blocks(None if length is None else config.check_length(length))
        read = {name: view[:blocks] if name.startswith("blocks/") else view[:] for name, view in of_kind.items()}
    for name, array in read.items():
        _check_finite(array, f"{kind}/{name}", str(path), dtype)
    return read
