"""One training step (SPEC 4), compiled once.

With the inner ODE the rows of the batch are dealt at random to lengths, longest first, so that rows leave the
computation when their length is reached.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Float, Int32, Key

from odelt.config import Network, Training
from odelt.machine.sharding import ONE_DEVICE, Placement
from odelt.model.dit import graphs
from odelt.model.inner_ode import forward
from odelt.model.weights import Weights
from odelt.objectives.phases import phase_at
from odelt.objectives.rows import Images, Labels, Rows
from odelt.training import lengths
from odelt.training.batch import assemble
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
    teacher: Weights | None = None  # of a distillation


def initial_state(weights: Weights, training: Training, ema: Weights | None = None) -> State:
    """Fresh optimiser, step 0; without an `ema` that is the weights' (SPEC 4.6). The weights lie in runs.

    A distillation's teacher is the `ema` (SPEC 4.7).
    """
    weights = jax.tree.map(jnp.asarray, weights)
    average = jax.tree.map(jnp.array, weights if ema is None else ema)  # buffers of its own: a step gives all away
    teacher = jax.tree.map(jnp.copy, average) if training.objective.distils else None
    return State(jnp.zeros((), jnp.int32), weights, average, optimiser(training).init(weights), teacher)


def make_step(
    network: Network,
    training: Training,
    inner_ode: bool,
    prepare: Prepare | None = None,
    placement: Placement = ONE_DEVICE,
) -> Callable:
    """step(state, x1, y, key) -> (state, metrics), with `training.images_per_step` images x1 and their labels y.

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
        phase, begins = phase_at(state.step, training.steps)
        teacher = state.teacher
        if training.objective.renews_teacher:
            teacher = jax.tree.map(functools.partial(jnp.where, begins), state.ema, teacher)
        params, networks = placement.whole((state.params, _networks(training, state, teacher)))
        rows = assemble(network, training, inner_ode, networks, x1, y, batch_key, placement, phase)
        (_, metrics), gradient = jax.value_and_grad(loss, has_aux=True)(params, rows, loss_key)
        # Whole first: the parts would otherwise spread into the backward pass, and rows be gathered there.
        gradient = placement.state(placement.whole(gradient))
        updates, optimiser_state = update.update(gradient, state.optimiser, state.params)
        params = cast(Weights, optax.apply_updates(state.params, updates))
        ema = cast(Weights, optax.incremental_update(params, state.ema, 1 - training.ema_rate))
        metrics["learning_rate"] = rate(state.step)
        return placement.state(State(state.step + 1, params, ema, optimiser_state, teacher)), metrics

    return step


def _networks(training: Training, state: State, teacher: Weights | None) -> dict[str, Weights]:
    """The weights of the EMA and of the other networks that the objective asks."""
    weights: dict[str, Any] = {"ema": state.ema, "student": state.params, "teacher": teacher}
    consistency = training.objective.consistency
    return {name: weights[name] for name in sorted({"ema", *(consistency.asks if consistency else ())})}


def _loss(
    network: Network, training: Training, inner_ode: bool, placement: Placement, params: Weights, rows: Rows, key
):
    """Mean squared error over all entries, and its parts."""
    deal_key, length_key, dropout_key = jax.random.split(key, 3)
    structure = graphs(network, length_table=inner_ode, dropout=training.dropout, dtype=training.dtype)
    kind = (
        jnp.full(training.batch_size, PARTS.index("flow"))
        .at[: training.consistency_rows]
        .set(PARTS.index("time_consistency"))
    )
    length = active = None
    if inner_ode:
        kind = kind.at[training.batch_size - training.length_rows(inner_ode) :].set(PARTS.index("length_consistency"))
        length = lengths.draw(length_key, training.batch_size, network, stratified=training.stratified)
        active = lengths.active_rows(training.batch_size, network, stratified=training.stratified)
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
