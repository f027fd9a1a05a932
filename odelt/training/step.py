"""One training step (SPEC 4), compiled once.

The batch is assembled as [time-consistency rows B/8 | flow rows 7B/8]; with the inner ODE the last `length_share` of
it gets the length-consistency target. Rows are then dealt at random to lengths, longest first, so that rows leave the
computation when their length is reached.
"""

import functools
from collections.abc import Callable
from typing import NamedTuple, cast

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Float, Int32, Key

from odelt.config import Network, Training
from odelt.machine.sharding import ONE_DEVICE, Placement
from odelt.model.dit import graphs
from odelt.model.inner_ode import forward
from odelt.model.weights import Weights
from odelt.objectives import flow_matching, lengths, time_consistency
from odelt.objectives.batch import images_of_time, length_rows, rows_of_time
from odelt.objectives.rows import Images, Labels, Rows, concatenate
from odelt.training.schedule import learning_rate, optimiser

Prepare = Callable[[Key[jax.Array, ""], Images], Images]  # (key, what the loader gives) -> x1
PREPARE_STREAM = 2  # of a step's key; 0 and 1 are the streams of the batch and of the loss
PARTS = ("flow", "time_consistency", "length_consistency")  # of the loss, by the rows' targets


class State(NamedTuple):
    """All that a run needs to go on from a step."""

    step: Int32[jax.Array, ""]  # steps done
    params: Weights
    ema: Weights
    optimiser: optax.OptState


def initial_state(weights: Weights, training: Training) -> State:
    """Student and EMA alike, fresh optimiser, step 0 (SPEC 4.6). The weights lie in runs (`odelt.model.runs`)."""
    weights = jax.tree.map(jnp.asarray, weights)
    ema = jax.tree.map(jnp.copy, weights)  # buffers of its own: a step gives both away
    return State(jnp.zeros((), jnp.int32), weights, ema, optimiser(training).init(weights))


def make_step(
    network: Network,
    training: Training,
    inner_ode: bool,
    prepare: Prepare | None = None,
    placement: Placement = ONE_DEVICE,
) -> Callable:
    """step(state, x1, y, key) -> (state, metrics), with `images_per_step` images x1 and their labels y.

    `prepare(key, x1)` turns what the loader gives into x1, for instance stored moments into fresh latents (SPEC 7).
    Its key is drawn from no other stream. The state given must lie as `placement` puts it; its buffers are given away.
    """
    update = optimiser(training)
    rate = learning_rate(training)
    loss = functools.partial(_loss, network, training, inner_ode, placement)

    @functools.partial(jax.jit, donate_argnums=0)
    def step(
        state: State, x1: Images, y: Labels, key: Key[jax.Array, ""]
    ) -> tuple[State, dict[str, Float[jax.Array, ""]]]:
        step_key = jax.random.fold_in(key, state.step)
        batch_key, loss_key = jax.random.split(step_key)
        if prepare is not None:
            x1 = prepare(jax.random.fold_in(step_key, PREPARE_STREAM), x1)
        params, ema = placement.whole((state.params, state.ema))
        rows = assemble(network, training, inner_ode, ema, x1, y, batch_key, placement)
        (_, metrics), gradient = jax.value_and_grad(loss, has_aux=True)(params, rows, loss_key)
        # Whole first: the parts would otherwise spread into the backward pass, and rows be gathered there.
        gradient = placement.state(placement.whole(gradient))
        updates, optimiser_state = update.update(gradient, state.optimiser, state.params)
        params = cast(Weights, optax.apply_updates(state.params, updates))
        ema = cast(Weights, optax.incremental_update(params, state.ema, 1 - training.ema_rate))
        metrics["learning_rate"] = rate(state.step)
        return placement.state(State(state.step + 1, params, ema, optimiser_state)), metrics

    return step


def assemble(
    network: Network,
    training: Training,
    inner_ode: bool,
    ema: Weights,
    x1: Images,
    y: Labels,
    key: Key[jax.Array, ""],
    placement: Placement = ONE_DEVICE,
) -> Rows:
    """The batch of B rows with its targets, from `images_per_step` images x1 and labels y; no target has a gradient."""
    flow_key, time_key, noise_key, length_key = jax.random.split(key, 4)
    null = network.classes
    if training.unconditional:
        y = jnp.full_like(y, null)
    teacher = functools.partial(_teacher, network, training, inner_ode, placement, jax.lax.stop_gradient(ema))
    ask = functools.partial(_ask, teacher, network, training)

    flow_count = training.batch_size - rows_of_time(training)
    flow, x0 = flow_matching.rows(flow_key, x1[:flow_count], y[:flow_count], training, null)
    count = length_rows(training, inner_ode)
    asked = _at_lengths(flow, count, network, training, length_key) if count else None
    if not rows_of_time(training):
        nobody = jax.tree.map(lambda a: a[:0], flow)
        answer = ask(nobody.x, nobody.t, nobody.d, nobody.y, asked)[1] if count else None
        return _with_last_targets(flow, answer)

    images = images_of_time(training)
    if training.images == "disjoint":
        x1, y = x1[flow_count:], y[flow_count:]
        x0 = jax.random.normal(noise_key, x1.shape)
    time = time_consistency.draw(time_key, x0[:images], x1[:images], y[:images], training)
    dealt = np.arange(count + count % 2).clip(max=count - 1).reshape(-1, 2).T  # longest first in both halves
    halves = jax.tree.map(lambda a: a[dealt], asked)
    target, answers = time_consistency.target(time_consistency.Walk(time, training, null), ask, halves)
    answer = jax.tree.map(lambda a: a.swapaxes(0, 1).reshape(-1, *a.shape[2:])[:count], answers)
    return concatenate(time._replace(target=target), _with_last_targets(flow, answer))


def _at_lengths(
    rows: Rows, count: int, network: Network, training: Training, key: Key[jax.Array, ""]
) -> tuple[Rows, Int32[jax.Array, " {count}"]]:
    """SPEC 4.3: the last `count` rows, and the lengths at which the teacher is asked for their velocity.

    Flow rows are drawn alike and independently: which of them gets which length needs no further dealing.
    """
    last = jax.tree.map(lambda a: a[rows.t.shape[0] - count :], rows)
    return last, lengths.draw(key, count, network, training.length_draw)


def _ask(
    teacher, network: Network, training: Training, x, t, d, y, asked: tuple[Rows, Int32[jax.Array, " asked"]] | None
):
    """The teacher's velocity at full length, and that of the rows `asked` at lengths of their own: one evaluation."""
    if asked is None:
        return teacher(x, t, d, y), None
    rows, drawn = asked
    whole = x.shape[0]
    active = lengths.active_rows(drawn.shape[0], network, training.length_draw)
    answer = teacher(
        *map(jnp.concatenate, zip((x, t, d, y), rows[:4], strict=True)),
        length=jnp.concatenate([jnp.full(whole, network.lengths[-1], drawn.dtype), drawn]),
        active_rows=[whole + k for k in active],
    )
    return answer[:whole], answer[whole:]


def _with_last_targets(rows: Rows, velocity: Float[jax.Array, "last height width channels"] | None) -> Rows:
    """The last rows are regressed on the teacher's velocity in place of the flow."""
    if velocity is None:
        return rows
    first = rows.target.shape[0] - velocity.shape[0]
    return rows._replace(target=rows.target.at[first:].set(velocity.astype(jnp.float32)))


def _teacher(network, training, inner_ode, placement, ema, x, t, d, y, length=None, active_rows=None):
    """The EMA model's velocity, without dropout, at full length unless lengths are given."""
    structure = graphs(network, length_table=inner_ode, dtype=training.dtype)
    if length is None and inner_ode:
        length = network.lengths[-1]
    x, t, d, y = placement.rows((x, t, d, y))
    return forward(structure, ema, x, t, d, y, length, group=network.group, active_rows=active_rows)


def _loss(
    network: Network, training: Training, inner_ode: bool, placement: Placement, params: Weights, rows: Rows, key
):
    """Mean squared error over all entries, and its parts."""
    deal_key, length_key, dropout_key = jax.random.split(key, 3)
    structure = graphs(network, length_table=inner_ode, dropout=training.dropout, dtype=training.dtype)
    kind = (
        jnp.full(training.batch_size, PARTS.index("flow"))
        .at[: rows_of_time(training)]
        .set(PARTS.index("time_consistency"))
    )
    length = active = None
    if inner_ode:
        kind = kind.at[training.batch_size - length_rows(training, inner_ode) :].set(PARTS.index("length_consistency"))
        length = lengths.draw(length_key, training.batch_size, network, training.length_draw)
        active = lengths.active_rows(training.batch_size, network, training.length_draw)
        deal = jax.random.permutation(deal_key, training.batch_size)
        rows, kind = jax.tree.map(lambda a: a[deal], (rows, kind))
    rows = placement.rows(rows)
    velocity = forward(
        structure,
        params,
        rows.x,
        rows.t,
        rows.d,
        rows.y,
        length,
        group=network.group,
        active_rows=active,
        dropout_key=dropout_key if training.dropout else None,
    )
    error = jnp.mean((velocity.astype(jnp.float32) - rows.target) ** 2, axis=(1, 2, 3))
    metrics = {"loss": error.mean()}
    for index, part in enumerate(PARTS):
        metrics[part] = jnp.where(kind == index, error, 0).sum() / jnp.maximum((kind == index).sum(), 1)
    return error.mean(), metrics
