"""The training loop: from start weights and a dataset to a model directory and its training curve."""

import pathlib
import sys
from collections.abc import Callable

import jax
import numpy as np
import tqdm

from odelt.config import Network, Training
from odelt.data import loader
from odelt.data.dataset import LabelledImages
from odelt.data.latents import Moments
from odelt.errors import OdeltError
from odelt.layout.model_directory import CURVE
from odelt.machine import numerics
from odelt.machine.process import noticing_signals
from odelt.machine.sharding import Placement, Sharding, make_placement
from odelt.model import runs
from odelt.model import weights as model_weights
from odelt.objectives import Objective
from odelt.training.checkpoints import Interrupted, RunFolder
from odelt.training.curve import Curve
from odelt.training.identity import of_settings
from odelt.training.pace import Pace
from odelt.training.step import Prepare, State, initial_state, make_step

AHEAD = 2  # steps that may be under way


def start_weights(
    network: Network, start: pathlib.Path | None, inner_ode: bool, seed: int, kind: model_weights.Kind = "raw"
) -> model_weights.Weights:
    """Loads a model directory's weights, or makes fresh ones (SPEC 4.6). A missing length table is fresh, too."""
    if start is None:
        return model_weights.initial_weights(network, seed, length_table=inner_ode)
    model = model_weights.load_model(start, weights=kind)
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


def start_ema(
    network: Network, objective: Objective, start: pathlib.Path | None, seed: int
) -> model_weights.Weights | None:
    """Loads the EMA of the model that a distillation starts from (SPEC 4.7). None: another objective, which needs none.

    Raises:
        OdeltError: there is no such model, or it was trained with an objective whose networks are no teachers.
    """
    if not objective.distils:
        return None
    if start is None:
        raise OdeltError(f"the objective '{objective.name}' distils a trained model: name one with --start")
    if not (of_start := model_weights.load_config(start).objective).teaches:
        raise OdeltError(
            f"{start} cannot start this run: the objective '{objective.name}' distils networks that never saw d, and "
            f"this one's is '{of_start.name}'; start from a model of 'naive'"
        )
    return start_weights(network, start, inner_ode=False, seed=seed, kind="ema")


def train(
    dataset: LabelledImages | Moments,
    weights: model_weights.Weights,
    network: Network,
    training: Training,
    *,
    inner_ode: bool,
    seed: int,
    checkpoints: pathlib.Path,
    identity: dict[str, str],
    out: pathlib.Path,
    ema: model_weights.Weights | None = None,
    timings: pathlib.Path | None = None,
    prepare: Prepare | None = None,
    sharding: Sharding | None = None,
    orphaned: Callable[[], bool] = lambda: False,
) -> None:
    """Trains, and writes the model directory `out` with its training curve after the last step.

    The run continues from `checkpoints` if an earlier process was interrupted. On a CPU in float32 the weights and the
    curve are the same to the bit, however often that happened; with other devices they differ by rounding only.

    Args:
        identity: digests of the data, the start and what `prepare` does; they tell one run from another.
        ema: what the EMA starts with; by default `weights`.
        timings: a CSV file for images per second, and for the share of the time spent waiting for input.
        prepare, sharding: as in `make_step` and in `odelt.machine.sharding.make_placement`.
        orphaned: whether the workflow that started the run is gone. The last checkpoint then stays, because a killed
            workflow takes what its jobs finish later for incomplete, and asks for it again.

    Raises:
        Interrupted: Ctrl-C, SIGTERM or SIGHUP; the state was saved first.
        OdeltError: the objective has no inner ODE, the loss is not finite, another process trains this run, the disk is
            full, or the devices do not divide the batch.
    """
    placement = _placement(training, inner_ode, sharding)
    with noticing_signals() as stopped:
        settings = of_settings(network, training, inner_ode, seed) | {"runs": runs.sizes(network, inner_ode)}
        folder = RunFolder(checkpoints, settings | identity)
        try:
            fresh = initial_state(runs.split(weights, network), training, ema and runs.split(ema, network))
            state, curve = _resume(placement.put_state(fresh), folder)
            pace = _batches(dataset, training, seed, int(state.step), timings)
            step = make_step(network, training, inner_ode, prepare, placement)
            state = _run(step, state, curve, pace, training, seed, folder, stopped, placement)
            _finish(folder, out, network, training, state, curve)
        except BaseException:
            folder.close()
            raise
        folder.close() if orphaned() else folder.remove()


def _placement(training: Training, inner_ode: bool, sharding: Sharding | None) -> Placement:
    """The placement of the run's arrays, if it can train them."""
    if inner_ode and not training.objective.inner_ode:
        raise OdeltError(f"the objective '{training.objective.name}' has no inner ODE: leave --inner-ode out")
    placement = make_placement(sharding)
    placement.check_rows(training.batch_size, "batch_size")
    return placement


def _batches(
    dataset: LabelledImages | Moments, training: Training, seed: int, first: int, timings: pathlib.Path | None
) -> Pace:
    """The batches of the steps after `first`, with a clock that measures how fast they are used."""
    batches = loader.batches(dataset, training.images_per_step, seed, first, training.steps)
    return Pace(batches, training.batch_size, timings, more=first > 0)


def _finish(
    folder: RunFolder, out: pathlib.Path, network: Network, training: Training, state: State, curve: Curve
) -> None:
    """Saves the last state, then writes the model directory."""
    folder.save(state, curve.plain(), wait=True)
    curve.write(out / CURVE)
    raw, ema = (runs.join(jax.device_get(weights)) for weights in (state.params, state.ema))
    model_weights.save_model(out, network, raw=raw, ema=ema, objective=training.objective, step=training.steps)


def _resume(fresh: State, folder: RunFolder) -> tuple[State, Curve]:
    """Restores the newest saved state, with the curve up to it. The fresh state is for a run that has none."""
    restored = folder.restore(fresh)
    if restored is None:
        return fresh, Curve()
    state, curve = restored
    print(f"going on from step {int(state.step)}", file=sys.stderr)
    return state, Curve(curve)


def _run(
    step: Callable,
    state: State,
    curve: Curve,
    pace: Pace,
    training: Training,
    seed: int,
    folder: RunFolder,
    stopped: Callable[[], int | None],
    placement: Placement,
) -> State:
    first = int(state.step)
    key = jax.random.key(seed, impl=numerics.PRNG)
    ahead: list[jax.Array] = []  # losses of the last steps
    bar = tqdm.tqdm(total=training.steps, initial=first, unit="step", mininterval=1, dynamic_ncols=True)
    with bar:
        for done, (x1, y) in enumerate(pace, start=first + 1):
            state, metrics = step(state, *placement.put_rows((x1, y)), key)
            curve.add(metrics)
            # The bar shows steps that are done, and a GPU is never without its next one.
            ahead = [*ahead, metrics["loss"]][-AHEAD:]
            jax.block_until_ready(ahead[0])
            pace.stepped()
            if done % training.log_every == 0 or done == training.steps:
                means = curve.line(done)
                if not np.isfinite(means["loss"]):
                    raise OdeltError(f"the loss is not finite at step {done}; lower the learning rate")
                rate = pace.line(done)
                bar.set_postfix_str(f"loss {means['loss']:.4f}" + (f", {rate:.0f} images/s" if rate else ""))
            bar.update()
            if stopped() or (done % training.checkpoint_every == 0 and done < training.steps):
                folder.save(state, curve.plain(), wait=stopped() is not None)
            if signum := stopped():
                raise Interrupted(signum, done, training.steps)
    return state
