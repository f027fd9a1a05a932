"""The training loop: from start weights and a dataset to a model directory and its training curve."""

import csv
import json
import pathlib
import sys
import time
from collections.abc import Callable, Iterator

import jax
import numpy as np
import tqdm

from odelt import files
from odelt.config import Network, Training
from odelt.data import loader
from odelt.data.dataset import Dataset
from odelt.errors import OdeltError
from odelt.model import runs
from odelt.model import weights as model_weights
from odelt.objectives.batch import images_per_step
from odelt.sharding import Placement, Sharding, placement
from odelt.training.checkpoints import (
    NOT_OUTCOME,
    PARTS,
    Interrupted,
    RunFolder,
    fingerprint,
    noticing_signals,
)
from odelt.training.step import Prepare, State, initial_state, make_step

CURVE = "training.csv"
AHEAD = 2  # steps that may be under way
COLUMNS = (
    "step",
    "loss",
    "flow",
    "time_consistency",
    "length_consistency",
    "learning_rate",
    "images_per_s",
    "input_wait",
)


def start_weights(network: Network, start: pathlib.Path | None, inner_ode: bool, seed: int) -> model_weights.Weights:
    """Fresh weights, or the raw ones of a model directory (SPEC 4.6); a missing length table is fresh."""
    if start is None:
        return model_weights.initial_weights(network, seed, length_table=inner_ode)
    model = model_weights.load_model(start, weights="raw")
    chosen_freely = {"group", "min_length"}
    differing = [
        key
        for key in sorted(Network.model_fields.keys() - chosen_freely)
        if getattr(model.config, key) != getattr(network, key)
    ]
    if differing:
        raise OdeltError(
            f"{start} cannot start this run: its {differing[0]} is {getattr(model.config, differing[0])}"
            f", not {getattr(network, differing[0])}"
        )
    weights = {key: part for key, part in model.weights.items() if key != model_weights.LENGTH_TABLE}
    if inner_ode:
        table = model.weights.get(model_weights.LENGTH_TABLE)
        weights[model_weights.LENGTH_TABLE] = table or model_weights.initial_length_table(network, seed)
    return weights


def train(
    dataset: Dataset,
    weights: model_weights.Weights,
    network: Network,
    training: Training,
    *,
    inner_ode: bool,
    seed: int,
    checkpoints: pathlib.Path,
    identity: dict[str, str],
    out: pathlib.Path,
    prepare: Prepare | None = None,
    sharding: Sharding | None = None,
    orphaned: Callable[[], bool] = lambda: False,
) -> None:
    """Writes the model directory `out`, with its training curve, after the last step.

    It goes on from `checkpoints` where an earlier process was interrupted.

    `identity` (digests of the data and the start) tells one run from another. On a CPU in float32 the weights are
    the same to the bit however often the run was interrupted. `prepare` is as in `make_step`; `identity` must tell what
    it does. `sharding` is as in `odelt.sharding.placement`: a run may go on with other devices, and ends with the
    same weights but for rounding. Where nobody waits for the model any more (`orphaned`), the last checkpoint stays:
    a workflow that was killed takes what its jobs finished later for incomplete, and asks for it again.

    Raises:
        Interrupted: Ctrl-C or SIGTERM; the state was saved first.
        OdeltError: the loss is not finite, another process trains this run, the disk is full, or the devices do not
            divide the batch.
    """
    place = placement(sharding)
    place.check_rows(training.batch_size, "batch_size")
    outcome = training.model_dump(exclude=NOT_OUTCOME)
    lie = runs.sizes(network, inner_ode)
    parts = {"network": network.model_dump(), "training": outcome, "inner_ode": inner_ode, "seed": seed, **identity}
    name = fingerprint(**parts, runs=lie)
    with noticing_signals() as stopped:
        folder = RunFolder(checkpoints, name)
        known = {part: fingerprint(part=value) for part, value in parts.items()}
        files.write_text(folder.path / PARTS, json.dumps(known))
        try:
            state, rows = _resume(place.put_state(initial_state(runs.split(weights, network), training)), folder)
            step = make_step(network, training, inner_ode, prepare, place)
            state = _run(step, state, rows, dataset, training, seed, folder, stopped, place)
            folder.save(state, wait=True)
            _write_curve(out / CURVE, rows)
            raw, ema = (runs.join(jax.device_get(one)) for one in (state.params, state.ema))
            model_weights.save_model(out, network, raw=raw, ema=ema)
        except BaseException:
            folder.close()
            raise
        if orphaned():
            folder.close()
        else:
            folder.remove()


def _resume(fresh: State, folder: RunFolder) -> tuple[State, list[dict]]:
    """The newest saved state with the curve up to it, else the fresh one."""
    restored = folder.restore(fresh)
    if restored is None:
        return fresh, []
    step = int(restored.step)
    print(f"going on from step {step}", file=sys.stderr)
    if not folder.curve.exists():
        return restored, []
    with folder.curve.open(newline="", encoding="utf-8") as file:
        return restored, [row for row in csv.DictReader(file) if int(row["step"]) <= step]


def _run(
    step: Callable,
    state: State,
    rows: list[dict],
    dataset: Dataset,
    training: Training,
    seed: int,
    folder: RunFolder,
    stopped: Callable[[], int | None],
    place: Placement,
) -> State:
    first = int(state.step)
    key = jax.random.key(seed)
    batches = _Timed(loader.batches(dataset, images_per_step(training), seed, first, training.steps))
    window: list[dict] = []  # metrics of the steps since the last line of the curve
    began = time.perf_counter()
    bar = tqdm.tqdm(total=training.steps, initial=first, unit="step", mininterval=1, dynamic_ncols=True)
    with bar:
        for done, (x1, y) in enumerate(batches, start=first + 1):
            state, metrics = step(state, *place.put_rows((x1, y)), key)
            window.append(metrics)
            # The bar shows steps that are done, and a GPU is never without its next one.
            jax.block_until_ready(window[-AHEAD:][0])
            if done == first + 1:  # compiling is no part of the rate
                began, batches.waited = time.perf_counter(), 0.0
            if done % training.log_every == 0 or done == training.steps:
                means = {name: float(np.mean([m[name] for m in jax.device_get(window)])) for name in metrics}
                if not np.isfinite(means["loss"]):
                    raise OdeltError(f"the loss is not finite at step {done}; lower the learning rate")
                now = time.perf_counter()
                means["images_per_s"] = len(window) * training.batch_size / (now - began)
                means["input_wait"] = batches.waited / (now - began)
                rows.append({"step": done, **{name: f"{means[name]:.6g}" for name in COLUMNS[1:]}})
                bar.set_postfix_str(f"loss {means['loss']:.4f}, {means['images_per_s']:.0f} images/s")
                began, batches.waited = now, 0.0
                window.clear()
            bar.update()
            if stopped() or (done % training.checkpoint_every == 0 and done < training.steps):
                _write_curve(folder.curve, rows)
                folder.save(state, wait=stopped() is not None)
            if signum := stopped():
                raise Interrupted(signum, done, training.steps)
    return state


class _Timed:
    """Batches, and the seconds that were spent waiting for them."""

    def __init__(self, batches: Iterator):
        self.batches, self.waited = iter(batches), 0.0

    def __iter__(self):
        return self

    def __next__(self):
        began = time.perf_counter()
        try:
            return next(self.batches)
        finally:
            self.waited += time.perf_counter() - began


def _write_curve(path: pathlib.Path, rows: list[dict]) -> None:
    with files.writing(path) as draft, draft.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
