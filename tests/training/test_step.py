"""The training step (SPEC 4): shares of the batch, labels, EMA, schedule."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import relative_error, small_training, without_zeros

from odelt.model import runs
from odelt.model.dit import graphs
from odelt.model.inner_ode import forward
from odelt.model.weights import flatten, initial_weights
from odelt.training import batch, lengths
from odelt.training import step as training_step
from odelt.training.schedule import learning_rate

NULL = 10


def fresh(network, inner_ode=True):
    return runs.split(initial_weights(network, 0, length_table=inner_ode), network)


def assembled(network, inner_ode=True, weights=None, **changes):
    training = small_training(batch_size=64, **changes)
    count = training.images_per_step
    x1 = jax.random.normal(jax.random.key(5), (count, 4, 4, 1))
    y = jnp.arange(count) % NULL
    weights = weights or fresh(network, inner_ode)
    return batch.assemble(network, training, inner_ode, {"ema": weights}, x1, y, jax.random.key(0))


def test_the_batch_is_one_eighth_time_and_seven_eighths_flow(small_network):
    rows = assembled(small_network)
    assert rows.x.shape[0] == 64
    assert np.all(rows.d[:8] < 7) and np.all(rows.d[8:] == 7)


def test_the_last_eighth_gets_the_teachers_velocity_only_with_the_inner_ode(small_network):
    """A fresh network's velocity is zero, so its targets are easily told from data minus noise."""
    with_inner, without = (assembled(small_network, inner_ode) for inner_ode in (True, False))
    zero = np.all(np.asarray(with_inner.target) == 0, axis=(1, 2, 3))
    assert zero.tolist() == [True] * 8 + [False] * 48 + [True] * 8
    assert np.all(np.asarray(without.target) == 0, axis=(1, 2, 3)).tolist() == [True] * 8 + [False] * 56


@pytest.mark.parametrize(
    "changes, images",
    [
        ({}, 64),
        ({"bootstrap": "guided"}, 60),
        ({"bootstrap": "sm"}, 64),
        ({"images": "shared"}, 56),
        ({"bootstrap": "guided", "images": "shared"}, 56),
        ({"objective": "rfm"}, 64),
    ],
)
def test_images_that_a_step_takes(changes, images):
    assert small_training(batch_size=64, **changes).images_per_step == images


def test_shared_images_use_the_flow_rows_own_images_and_noise(small_network):
    """SPEC 9.5: x_t of the consistency rows lies on the segment from the flow row's noise to its data."""
    rows = assembled(small_network, images="shared")
    flow, time = jax.tree.map(lambda a: a[8:16], rows), jax.tree.map(lambda a: a[:8], rows)
    t_flow, t_time = flow.t[:, None, None, None], time.t[:, None, None, None]
    assert np.allclose(time.x - flow.x, (t_time - t_flow) * flow.target, atol=1e-5)


@pytest.mark.parametrize("bootstrap", ["plain", "guided", "sm"])
@pytest.mark.parametrize("class_dropout", [0.0, 1.0])
def test_every_label_of_every_row_is_null_where_the_training_guidance_is_zero(small_network, bootstrap, class_dropout):
    rows = assembled(small_network, guidance=0.0, bootstrap=bootstrap, class_dropout=class_dropout)
    assert np.all(rows.y == NULL)


def test_consistency_rows_keep_their_labels_whatever_the_class_dropout(small_network):
    rows = assembled(small_network, class_dropout=1.0)
    assert np.all(rows.y[:8] != NULL) and np.all(rows.y[8:] == NULL)


def test_plain_objectives_have_no_consistency_rows_but_length_targets(small_network):
    rows = assembled(small_network, objective="rfm")
    assert np.all(rows.d == 0)
    assert np.all(np.asarray(rows.target) == 0, axis=(1, 2, 3)).sum() == 8


@pytest.mark.parametrize("share, count", [(0.0, 0), (0.125, 8), (0.25, 16)])
def test_the_share_of_length_targets_can_be_chosen(small_network, share, count):
    zero = np.all(np.asarray(assembled(small_network, length_share=share).target) == 0, axis=(1, 2, 3))
    assert zero[8:].sum() == count


@pytest.fixture(scope="module")
def stepped(small_network):
    """States before and after three steps."""
    training = small_training(warmup_steps=1, learning_rate=1e-2, ema_rate=0.9, dropout=0.1)
    step = training_step.make_step(small_network, training, inner_ode=True)
    state = training_step.initial_state(fresh(small_network), training)
    count = training.images_per_step
    x1, y = jax.random.normal(jax.random.key(5), (count, 4, 4, 1)), jnp.arange(count) % NULL
    states = [jax.device_get(state)]
    for _ in range(3):
        state, metrics = step(state, x1, y, jax.random.key(0))
        states.append(jax.device_get(state))
    return states, jax.device_get(metrics)


def test_the_first_update_has_rate_zero(stepped):
    (before, after, *_), _ = stepped
    assert all(
        np.array_equal(a, b) for a, b in zip(jax.tree.leaves(before.params), jax.tree.leaves(after.params), strict=True)
    )


def test_the_ema_follows_after_each_step(stepped):
    states, _ = stepped
    for before, after in itertools.pairwise(states):
        for path, ema in flatten(runs.join(after.ema)).items():
            expected = 0.9 * flatten(runs.join(before.ema))[path] + 0.1 * flatten(runs.join(after.params))[path]
            assert np.allclose(ema, expected, atol=1e-6), path


def test_weights_change_and_metrics_are_finite(stepped):
    states, metrics = stepped
    assert np.any(states[-1].params["final"]["out"]["kernel"] != states[0].params["final"]["out"]["kernel"])
    assert set(metrics) == {"loss", "flow", "time_consistency", "length_consistency", "learning_rate"}
    assert all(np.isfinite(value) for value in metrics.values())


def test_learning_rate_warms_up_stays_and_falls():
    rate = learning_rate(small_training(steps=1000, warmup_steps=100, learning_rate=2e-3))
    assert [float(rate(step)) for step in (0, 50, 100, 899)] == pytest.approx([0, 1e-3, 2e-3, 2e-3])
    assert float(rate(950)) == pytest.approx(1e-3)
    assert float(rate(1000)) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("changes", [{}, {"length_share": 5 / 64}, {"bootstrap": "guided", "guidance": 1.5}])
def test_the_teacher_answers_in_one_batch_what_it_answers_to_each_question_alone(small_network, changes):
    """Length targets are asked for beside the two half-steps of time consistency, half of them with each."""
    training = small_training(batch_size=64, **changes)
    weights = without_zeros(fresh(small_network))
    rows = assembled(small_network, weights=weights, **changes)

    count = training.length_rows(inner_ode=True)
    length_key = jax.random.split(jax.random.key(0), 4)[3]
    drawn = lengths.draw(length_key, count, small_network, stratified=True)
    last = jax.tree.map(lambda a: a[-count:], rows)
    structure = graphs(small_network, length_table=True)
    alone = forward(structure, weights, *last[:4], drawn, group=small_network.group)
    assert relative_error(rows.target[-count:], alone) < 1e-5
