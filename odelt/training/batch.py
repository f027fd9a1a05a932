"""The batch of a training step (SPEC 4): its objective's rows, with their targets. No target has a gradient.

The batch is [consistency rows | flow rows]. With the inner ODE the last rows get the target of length consistency.
"""

import functools
from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int32, Key

from odelt.config import Network, Training
from odelt.machine.sharding import ONE_DEVICE, Placement
from odelt.model.dit import graphs
from odelt.model.inner_ode import forward
from odelt.model.weights import Weights
from odelt.objectives import flow_matching
from odelt.objectives.rows import Draw, Images, Labels, Phase, Rows, concatenate
from odelt.training import lengths

Asked = tuple[Rows, Int32[jax.Array, " asked"]]  # rows, and the lengths at which their velocity is asked for


def assemble(
    network: Network,
    training: Training,
    inner_ode: bool,
    weights: Mapping[str, Weights],
    x1: Images,
    y: Labels,
    key: Key[jax.Array, ""],
    placement: Placement = ONE_DEVICE,
    phase: Phase = 0,
) -> Rows:
    """Makes the batch from `training.images_per_step` images x1 and labels y.

    `weights` are those of the networks that the objective asks (`Consistency.asks`), and of the EMA.
    """
    flow_key, consistency_key, noise_key, length_key = jax.random.split(key, 4)
    null = network.classes
    if training.unconditional:
        y = jnp.full_like(y, null)
    answer = functools.partial(_velocity, network, training, inner_ode, placement)
    networks = {name: functools.partial(answer, jax.lax.stop_gradient(each)) for name, each in weights.items()}
    ask = functools.partial(_ask, networks["ema"], network, training)
    flow, consistency = training.objective.flow, training.objective.consistency
    count, draws = training.flow_rows, training.consistency_draws
    of_flow = asked = shared = None
    if flow is not None:
        of_flow, noise = flow_matching.rows(flow_key, x1[:count], y[:count], flow, training, null)
        asked = _at_lengths(of_flow, training.length_rows(inner_ode), network, training, length_key)
        if consistency is None:
            return _with_last_targets(of_flow, _alone(ask, of_flow, asked))
        if training.shares_images:
            shared = noise[:draws], of_flow.t[:draws]

    assert consistency is not None  # an objective has rows
    start = count if training.consistency_images else 0
    x1, y = x1[start : start + draws], y[start : start + draws]
    noise, t = shared or (jax.random.normal(noise_key, x1.shape), None)
    questions = _in_halves(asked)
    draw = Draw(consistency_key, noise, x1, y, t, training, null, networks, phase, ask, questions)
    rows, replies = consistency.rows(draw)
    return concatenate(rows, _with_last_targets(of_flow, _joined(replies, asked))) if of_flow is not None else rows


def _at_lengths(rows: Rows, count: int, network: Network, training: Training, key: Key[jax.Array, ""]) -> Asked | None:
    """SPEC 4.3: the last `count` rows, and the lengths at which the EMA network is asked for their velocity.

    Flow rows are drawn alike and independently: which of them gets which length needs no further dealing.
    """
    if not count:
        return None
    last = jax.tree.map(lambda a: a[rows.t.shape[0] - count :], rows)
    return last, lengths.draw(key, count, network, stratified=training.stratified)


def _in_halves(asked: Asked | None):
    """Deals the rows to two evaluations, longest first in both. The second repeats a row where their number is odd."""
    if asked is None:
        return None
    count = len(asked[1])
    dealt = np.arange(count + count % 2).clip(max=count - 1).reshape(-1, 2).T
    return jax.tree.map(lambda a: a[dealt], asked)


def _joined(replies: Float[jax.Array, "2 half height width channels"] | None, asked: Asked | None) -> Images | None:
    """The inverse of `_in_halves`, for the replies."""
    if replies is None or asked is None:
        return None
    return replies.swapaxes(0, 1).reshape(-1, *replies.shape[2:])[: len(asked[1])]


def _alone(ask, rows: Rows, asked: Asked | None) -> Images | None:
    """The replies to the rows `asked`, if nothing else is asked of the EMA network."""
    if asked is None:
        return None
    nobody = jax.tree.map(lambda a: a[:0], rows)
    return ask(*nobody[:4], asked)[1]


def _ask(answer, network: Network, training: Training, x, t, d, y, asked: Asked | None):
    """The EMA network's velocity at full length, and that of the rows `asked` at their lengths: one evaluation."""
    if asked is None:
        return answer(x, t, d, y), None
    rows, drawn = asked
    whole = x.shape[0]
    active = lengths.active_rows(drawn.shape[0], network, stratified=training.stratified)
    velocity = answer(
        *map(jnp.concatenate, zip((x, t, d, y), rows[:4], strict=True)),
        length=jnp.concatenate([jnp.full(whole, network.lengths[-1], drawn.dtype), drawn]),
        active_rows=[whole + k for k in active],
    )
    return velocity[:whole], velocity[whole:]


def _with_last_targets(rows: Rows, velocity: Float[jax.Array, "last height width channels"] | None) -> Rows:
    """The last rows are regressed on this velocity in place of the flow."""
    if velocity is None:
        return rows
    first = rows.target.shape[0] - velocity.shape[0]
    return rows._replace(target=rows.target.at[first:].set(velocity.astype(jnp.float32)))


def _velocity(network, training, inner_ode, placement, weights, x, t, d, y, length=None, active_rows=None):
    """The velocity by these weights, without dropout, at full length unless lengths are given."""
    structure = graphs(network, length_table=inner_ode, dtype=training.dtype)
    if length is None and inner_ode:
        length = network.lengths[-1]
    x, t, d, y = placement.rows((x, t, d, y))
    return forward(structure, weights, x, t, d, y, length, group=network.group, active_rows=active_rows)
