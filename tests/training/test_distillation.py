"""SM's baselines as they are trained (SPEC 4.7): rows, teachers, starts, and saved states."""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint as ocp
import pytest
from conftest import small_training, without_zeros

from odelt import OdeltError, operations
from odelt.config import Network
from odelt.model import runs
from odelt.model.weights import initial_weights, save_model
from odelt.objectives import OBJECTIVES
from odelt.training import batch, checkpoints
from odelt.training.loop import start_ema
from odelt.training.step import initial_state, make_step

NETWORK = Network(width=8, heads=1, depth=1, group=1, min_length=1, channels=1, classes=10, image=(4, 4))
NULL = NETWORK.classes
STEPS = 16  # which 7 does not divide
NAMES = ("progressive", "consistency-distillation", "consistency-training", "live-reflow")


@pytest.fixture(scope="module")
def weights():
    """Raw weights and an EMA that differ."""
    raw = without_zeros(initial_weights(NETWORK, 0, length_table=False))
    return tuple(runs.split(jax.tree.map(lambda w, f=f: f * w, raw), NETWORK) for f in (1, 0.5))


def images(training):
    count = training.images_per_step
    return jax.random.normal(jax.random.key(5), (count, 4, 4, 1)), jnp.arange(count) % NULL


def rows_of(weights, phase=0, **changes):
    training = small_training(batch_size=64, **changes)
    named = dict(zip(("student", "ema"), weights, strict=True)) | {"teacher": weights[1]}
    return batch.assemble(NETWORK, training, False, named, *images(training), jax.random.key(0), phase=phase)


@functools.cache
def training_and_step(name):
    training = small_training(objective=name, steps=STEPS, warmup_steps=0, learning_rate=1e-2, ema_rate=0.5)
    return training, make_step(NETWORK, training, inner_ode=False)


def trained(weights, name, until=STEPS, state=None):
    """The states after each step, from the given one or from the start."""
    training, step = training_and_step(name)
    state = state or initial_state(weights[0], training, weights[1])
    states = [jax.device_get(state)]
    while int(states[-1].step) < until:
        state, metrics = step(state, *images(training), jax.random.key(0))
        assert np.isfinite(metrics["loss"])
        states.append(jax.device_get(state))
    return states


def assert_equal(left, right):
    for a, b in zip(jax.tree.leaves(left), jax.tree.leaves(right), strict=True):
        assert np.array_equal(a, b)


def test_the_teacher_is_the_ema_of_each_phases_start_and_frozen_between(weights):
    states = trained(weights, "progressive")
    first = [next(s for s in range(STEPS) if 7 * s // STEPS == phase) for phase in range(7)]
    for step in range(STEPS):
        began = max(s for s in first if s <= step)
        assert_equal(states[step + 1].teacher, states[began].ema)


def test_consistency_distillations_teacher_is_the_ema_of_its_start_for_ever(weights):
    states = trained(weights, "consistency-distillation")
    assert_equal(states[-1].teacher, weights[1])


def test_a_distillation_starts_with_both_the_raw_weights_and_the_ema(weights):
    state = initial_state(weights[0], small_training(objective="progressive"), weights[1])
    assert_equal(state.params, weights[0])
    assert_equal((state.ema, state.teacher), (weights[1], weights[1]))


@pytest.mark.parametrize("name", NAMES)
def test_a_run_that_is_saved_and_restored_ends_with_the_same_state_to_the_bit(weights, name, tmp_path):
    whole = trained(weights, name)
    folder = checkpoints.RunFolder(tmp_path, {})
    folder.save(trained(weights, name, until=5)[-1], {}, wait=True)
    restored, _ = folder.restore(jax.tree.map(jnp.asarray, whole[0]))
    folder.close()
    assert_equal(trained(weights, name, state=restored)[-1], whole[-1])


class OldState(NamedTuple):
    """A state of a version without teachers."""

    step: Any
    params: Any
    ema: Any
    optimiser: Any


def test_a_state_that_a_version_without_teachers_saved_is_restored(weights, tmp_path):
    state = initial_state(weights[0], small_training())
    manager = checkpoints._manager(tmp_path / checkpoints.fingerprint() / checkpoints.STEPS)
    items = {"state": ocp.args.StandardSave(OldState(*state[:4])), "curve": ocp.args.JsonSave({})}
    manager.save(3, args=ocp.args.Composite(**items))
    manager.close()
    folder = checkpoints.RunFolder(tmp_path, {})
    restored, _ = folder.restore(state)
    folder.close()
    assert restored.teacher is None
    assert_equal(restored, state)


@pytest.mark.parametrize("phase, sections", [(0, 64), (2, 16), (6, 1)])
def test_progressive_distillation_draws_times_on_the_grid_of_its_phase(weights, phase, sections):
    rows = rows_of(weights, phase, objective="progressive")
    assert np.array_equal(rows.t * sections, np.floor(rows.t * sections)) and rows.t.max() <= 1 - 1 / sections
    assert np.all(rows.d == 0) and np.all(rows.y < NULL)


@pytest.mark.parametrize("phase", [0, 5])
def test_consistency_training_draws_times_on_the_grid_of_its_phase(weights, phase):
    t = rows_of(weights, phase, objective="consistency-training").t * 2**phase
    assert np.array_equal(t, np.floor(t)) and t.max() == 2**phase - 1


def test_live_reflow_has_an_eighth_of_reflow_rows_whose_labels_are_never_dropped(weights):
    rows = rows_of(weights, objective="live-reflow", class_dropout=1.0)
    assert rows.d.tolist() == [0] * 8 + [7] * 56
    assert np.all(rows.y[:8] < NULL) and np.all(rows.y[8:] == NULL)


def test_reflow_rows_take_no_image_and_have_noise_of_their_own_unless_it_is_shared(weights):
    assert small_training(batch_size=64, objective="live-reflow").images_per_step == 56
    for mode, shared in (("disjoint", False), ("shared", True)):
        rows = rows_of(weights, objective="live-reflow", images=mode)
        assert np.array_equal(rows.t[:8], rows.t[8:16]) == shared
        reflow, flow = (jax.tree.map(lambda a, s=s: np.asarray(a[s]), rows) for s in (slice(8), slice(8, 16)))
        noise = [part.x - part.t[:, None, None, None] * part.target for part in (reflow, flow)]  # x_0, but for 1e-5·t
        assert np.allclose(*noise, atol=1e-3) == shared


@pytest.mark.parametrize("name", NAMES)
def test_every_label_is_null_where_the_training_guidance_is_zero(weights, name):
    assert np.all(rows_of(weights, objective=name, guidance=0).y == NULL)


@pytest.mark.parametrize("name, evaluations", [("progressive", 2), ("consistency-training", 1), ("live-reflow", 1)])
def test_the_cost_of_a_step_counts_what_networks_answer(name, evaluations):
    """Reflow rows, an eighth, ask eight times."""
    cost = operations.step(NETWORK, small_training(objective=name), inner_ode=False)
    naive = operations.step(NETWORK, small_training(objective="naive"), inner_ode=False)
    assert cost / naive == pytest.approx((3 + evaluations) / 3)


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    raw = initial_weights(NETWORK, 0, length_table=False)
    folder = tmp_path_factory.mktemp("starts")
    for name in ("naive", "shortcut"):
        ema = jax.tree.map(lambda w: 0.5 * w, raw)
        save_model(folder / name, NETWORK, raw=raw, ema=ema, objective=OBJECTIVES[name])
    return folder


def test_a_distillation_takes_the_ema_of_a_model_that_never_saw_d(start):
    progressive = OBJECTIVES["progressive"]
    ema = start_ema(NETWORK, progressive, start / "naive", seed=0)
    raw = initial_weights(NETWORK, 0, length_table=False)
    assert_equal(ema, jax.tree.map(lambda w: 0.5 * w, raw))
    assert start_ema(NETWORK, OBJECTIVES["naive"], start / "naive", seed=0) is None
    with pytest.raises(OdeltError, match="distils networks that never saw d, and this one's is 'shortcut'"):
        start_ema(NETWORK, progressive, start / "shortcut", seed=0)
    with pytest.raises(OdeltError, match="name one with --start"):
        start_ema(NETWORK, progressive, None, seed=0)
