"""The baseline: what the released code does, written from docs/SPEC.md, not from that code.

Training computes all L blocks for every row and masks by length; blocks are unrolled; the teacher is asked three times,
one after the other; every row draws its own length. Sampling runs l unrolled blocks, dispatches each Euler step from
Python, asks twice for guidance, and gives every row its own t, d and condition. Rows, targets, optimiser and loss are
the package's own, with its keys, so that both compute the same numbers. Whatever is not named here as a loss (the
donated buffers, the compiled step) is given to the baseline too; baseline.py tells of the process it runs in.
"""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from odelt.config import Network, Solver, Training
from odelt.evaluation.latency import peak_bytes
from odelt.model.dit import FREQUENCIES, position_embedding
from odelt.model.weights import Weights
from odelt.objectives import flow_matching, time_consistency
from odelt.objectives.rows import Rows, concatenate, over_image
from odelt.training import lengths
from odelt.training.schedule import optimiser
from odelt.training.step import PREPARE_STREAM, Prepare, State

Length = int | jax.Array | None


def unstacked(weights: Weights) -> Weights:
    """The package's weights with a list of blocks in the place of the stack, as the released files hold them."""
    depth = jax.tree.leaves(weights["blocks"])[0].shape[0]
    return {**weights, "blocks": [jax.tree.map(lambda w, i=i: w[i], weights["blocks"]) for i in range(depth)]}


def velocity(weights: Weights, x, t, d, y, length: Length, *, network: Network, dtype: str) -> jax.Array:
    """SPEC 2 and 3 at x [N, H, W, C], t, d, y [N]; `length` is one, one for each row, or None: no inner ODE."""
    with jax.default_matmul_precision("float32"):
        time, step = (_scalar(weights[f"{name}_embedding"], s, dtype) for name, s in (("time", t), ("step", d)))
        c = time + weights["label_embedding"]["embedding"].astype(dtype)[y].astype(jnp.float32) + step
        h = _tokens(weights["patch_embedding"], x, network.patch, dtype)
        block = functools.partial(_block, heads=network.heads, dtype=dtype)
        if length is None:
            for p in weights["blocks"]:
                h = block(p, h, c)
            return _image(weights["final"], h, c, x.shape, network.patch, dtype)
        rows = jnp.broadcast_to(jnp.asarray(length), x.shape[:1])
        c_l = c + weights["length_embedding"]["embedding"].astype(dtype)[rows].astype(jnp.float32)
        a = jnp.zeros_like(h)
        acting = weights["blocks"][:length] if isinstance(length, int) else weights["blocks"]
        for index, p in enumerate(acting):
            w = block(p, h, c_l)
            if (index + 1) % network.group:
                h = w
            else:
                on = (index < rows).astype(w.dtype)[:, None, None]
                a, h = a + on * w, h + on * w
        return _image(weights["final"], a, c, x.shape, network.patch, dtype)


def make_step(network: Network, training: Training, prepare: Prepare | None = None) -> Callable:
    """As `odelt.training.step.make_step` with the inner ODE and independent lengths, the weights `unstacked`."""
    update = optimiser(training)

    def loss(params, rows: Rows, key):
        deal_key, length_key, _ = jax.random.split(key, 3)
        length = lengths.draw(length_key, training.batch_size, network, stratified=False)
        rows = jax.tree.map(lambda a: a[jax.random.permutation(deal_key, training.batch_size)], rows)
        v = velocity(params, rows.x, rows.t, rows.d, rows.y, length, network=network, dtype=training.dtype)
        return jnp.mean((v.astype(jnp.float32) - rows.target) ** 2)

    @functools.partial(jax.jit, donate_argnums=0)
    def step(state: State, x1: Any, y: jax.Array, key: jax.Array) -> tuple[State, dict[str, jax.Array]]:
        step_key = jax.random.fold_in(key, state.step)
        batch_key, loss_key = jax.random.split(step_key)
        if prepare is not None:
            x1 = prepare(jax.random.fold_in(step_key, PREPARE_STREAM), x1)
        rows = assemble(network, training, state.ema, x1, y, batch_key)
        value, gradient = jax.value_and_grad(loss)(state.params, rows, loss_key)
        updates, optimiser_state = update.update(gradient, state.optimiser, state.params)
        params = optax.apply_updates(state.params, updates)
        ema = optax.incremental_update(params, state.ema, 1 - training.ema_rate)
        return State(state.step + 1, params, ema, optimiser_state), {"loss": value}

    return step


def assemble(network: Network, training: Training, ema: Weights, x1, y, key) -> Rows:
    """The batch of SPEC 4 with its targets; the teacher computes all blocks, too, whatever it is asked for."""
    flow_key, time_key, noise_key, length_key = jax.random.split(key, 4)
    null = network.classes
    if training.unconditional:
        y = jnp.full_like(y, null)
    teacher = functools.partial(velocity, jax.lax.stop_gradient(ema), network=network, dtype=training.dtype)
    flow, flow_count = training.objective.flow, training.flow_rows
    rows, x0 = flow_matching.rows(flow_key, x1[:flow_count], y[:flow_count], flow, training, null)
    if training.consistency_rows:
        count = training.consistency_draws
        if not training.shares_images:
            x1, y = x1[flow_count:], y[flow_count:]
            x0 = jax.random.normal(noise_key, x1.shape)
        time = time_consistency.draw_rows(time_key, x0[:count], x1[:count], y[:count], training)
        walk = time_consistency.Walk(time, training.bootstrap, training.guidance, null)
        ask = functools.partial(teacher, length=network.lengths[-1])
        v1 = walk.velocity(ask(*walk.ask(time.x, time.t)))
        x2 = walk.clip(time.x + over_image(walk.half) * v1)
        v2 = walk.velocity(ask(*walk.ask(x2, time.t + walk.half)))
        rows = concatenate(time._replace(target=walk.clip((v1 + v2) / 2)), rows)
    if count := training.length_rows(inner_ode=True):
        drawn = lengths.draw(length_key, count, network, stratified=False)
        last = jax.tree.map(lambda a: a[-count:], rows)
        target = teacher(last.x, last.t, last.d, last.y, drawn).astype(jnp.float32)
        rows = rows._replace(target=rows.target.at[-count:].set(target))
    return rows


class Sampler:
    """Euler's method as a loop in Python: `sampler(x0 [N, H, W, C], y [N])` is data, not waited for.

    The program of one evaluation is compiled when it is made; `peak_bytes` is its memory.
    """

    def __init__(self, network, weights, length, solver: Solver, guidance: float, dtype: str, batch: int):
        self.network, self.weights, self.steps, self.guidance = network, weights, solver.T, guidance
        self.d = np.full(batch, np.log2(solver.T), np.float32)
        answer = functools.partial(velocity, length=length, network=network, dtype=dtype)

        def ask(weights, x, t, d, y):
            return answer(weights, x, t, d, y).astype(jnp.float32)

        def step(weights, x, t, d, y):
            return x + ask(weights, x, t, d, y) / solver.T

        def guided(x, v_y, v_null, w):
            return x + (v_null + w * (v_y - v_null)) / solver.T

        self.guided = None if guidance in (0, 1) else jax.jit(guided)
        one = jax.jit(step if self.guided is None else ask)
        x = jnp.zeros((batch, *network.image, network.channels))
        self.one = one.lower(weights, x, self.d, self.d, np.zeros(batch, np.int32)).compile()
        self.peak_bytes = peak_bytes(self.one.memory_analysis())

    def __call__(self, x0: jax.Array, y: jax.Array) -> jax.Array:
        x, null = x0, np.full(y.shape, self.network.classes, np.int32)
        if self.guidance == 0:
            y = null
        for i in range(self.steps):
            t = np.full(y.shape, i / self.steps, np.float32)
            if self.guided is None:
                x = self.one(self.weights, x, t, self.d, y)
            else:
                v_y = self.one(self.weights, x, t, self.d, y)
                v_null = self.one(self.weights, x, t, self.d, null)
                x = self.guided(x, v_y, v_null, self.guidance)
        return x


def _linear(p: Weights, x: jax.Array, dtype: str) -> jax.Array:
    return x.astype(dtype) @ p["kernel"].astype(dtype) + p["bias"].astype(dtype)


def _scalar(p: Weights, s: jax.Array, dtype: str) -> jax.Array:
    frequency = jnp.exp(-np.log(10000.0) * jnp.arange(FREQUENCIES, dtype=jnp.float32) / FREQUENCIES)
    angle = s.astype(jnp.float32)[:, None] * frequency
    hidden = _linear(p["hidden"], jnp.concatenate([jnp.cos(angle), jnp.sin(angle)], axis=-1), dtype)
    return _linear(p["out"], jax.nn.silu(hidden), "float32")


def _tokens(p: Weights, x: jax.Array, patch: int, dtype: str) -> jax.Array:
    n, height, width, channels = x.shape
    grid = x.reshape(n, height // patch, patch, width // patch, patch, channels).swapaxes(2, 3)
    embedded = _linear(p, grid.reshape(n, -1, patch * patch * channels), dtype)
    position = position_embedding(height // patch, width // patch, embedded.shape[-1])
    return (embedded.astype(jnp.float32) + position).astype(dtype)


def _modulated(h: jax.Array, shift: jax.Array, scale: jax.Array, dtype: str) -> jax.Array:
    h = h.astype(jnp.float32)
    centred = h - h.mean(axis=-1, keepdims=True)
    normal = centred * jax.lax.rsqrt((centred**2).mean(axis=-1, keepdims=True) + 1e-6)
    return normal.astype(dtype) * (1 + scale) + shift


def _block(p: Weights, h: jax.Array, c: jax.Array, *, heads: int, dtype: str) -> jax.Array:
    parts = jnp.split(_linear(p["modulation"], jax.nn.silu(c), dtype)[:, None], 6, axis=-1)
    shift1, scale1, gate1, shift2, scale2, gate2 = parts
    a = _modulated(h, shift1, scale1, dtype)
    q, k, v = (_linear(p[name], a, dtype).reshape(*a.shape[:2], heads, -1) for name in ("query", "key", "value"))
    logits = jnp.einsum("nqhd,nkhd->nhqk", q / q.shape[-1], k)
    mixed = jnp.einsum("nhqk,nkhd->nqhd", jax.nn.softmax(logits.astype(jnp.float32)).astype(dtype), v)
    h = h + gate1 * _linear(p["attention_out"], mixed.reshape(a.shape), dtype)
    hidden = jax.nn.gelu(_linear(p["mlp_hidden"], _modulated(h, shift2, scale2, dtype), dtype), approximate=True)
    return h + gate2 * _linear(p["mlp_out"], hidden, dtype)


def _image(p: Weights, a: jax.Array, c: jax.Array, shape: tuple[int, ...], patch: int, dtype: str) -> jax.Array:
    n, height, width, channels = shape
    shift, scale = jnp.split(_linear(p["modulation"], jax.nn.silu(c), dtype)[:, None], 2, axis=-1)
    patches = _linear(p["out"], _modulated(a, shift, scale, dtype), dtype)
    grid = patches.reshape(n, height // patch, width // patch, patch, patch, channels)
    return grid.swapaxes(2, 3).reshape(shape)
