"""The inner ODE over length (SPEC 3): groups of blocks as the steps of an Euler solver, and the network's velocity.

Only blocks that act are computed: a length of l runs the groups whose last block is below l. With one length for the
batch that is a slice of the stack of blocks; with a length per row, rows sorted longest first leave the computation
when their length is reached (`active_rows`), so that no work is done for rows that no longer act.
"""

import itertools
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from flax import nnx

from odelt.model.dit import DiT

UNROLLED = 6  # stacks up to this long are no loop: that is a quarter faster on a CPU and compiles soon enough


def forward(
    network: DiT,
    x: jax.Array,
    t: jax.Array,
    d: jax.Array,
    y: jax.Array,
    length: int | jax.Array | None,
    *,
    group: int,
    active_rows: Sequence[int] | None = None,
    dropout_key: jax.Array | None = None,
) -> jax.Array:
    """The velocity [N, H, W, C] in the network's dtype at noisy images x [N, H, W, C].

    t (in [0, 1]) and d (0..7) have shape [N], or [1] where they are the same for every row; y is int32 [N].
    `length` is one allowed length for the batch, an int32 [N] of lengths, or None for the conventional path through
    all blocks. With a length per row, group k is computed for the first `active_rows[k]` rows only (all rows where
    nothing is said); the rows must then come longest first.
    """
    with jax.default_matmul_precision("float32"):  # a GPU would round float32 products to TF32
        h = network.tokens(x)
        c = network.condition(t, *network.timeless_condition(d, y))
        graph, stack = nnx.split(network.blocks)
        if length is None:
            keys = None if dropout_key is None else jax.random.split(dropout_key, jax.tree.leaves(stack)[0].shape[0])
            a = _through(graph, stack, keys, h, c)
        else:
            lengths = jnp.atleast_1d(jnp.asarray(length, jnp.int32))
            c_l = c + network.length_embedding(lengths).astype(jnp.float32)
            a = _inner_ode(graph, stack, h, c_l, length, group, active_rows, dropout_key)
        return network.image(a, c, x.shape)


def _through(graph: nnx.GraphDef, stack: nnx.State, keys: jax.Array | None, h: jax.Array, c: jax.Array) -> jax.Array:
    """h through a stack of blocks; a deep stack is one compiled block body, whatever its depth."""

    def step(h, block):
        weights, key = block
        return nnx.merge(graph, weights)(h, c, key), None

    count = jax.tree.leaves(stack)[0].shape[0]
    return jax.lax.scan(step, h, (stack, keys), unroll=count <= UNROLLED)[0]


def _inner_ode(
    graph: nnx.GraphDef,
    stack: nnx.State,
    h: jax.Array,
    c: jax.Array,
    length: int | jax.Array,
    group: int,
    active_rows: Sequence[int] | None,
    key: jax.Array | None,
) -> jax.Array:
    """The accumulated field a [N, S, D] of SPEC 3, from tokens h [N, S, D] and c + e_l [N or 1, D]."""
    groups = (length if isinstance(length, int) else jax.tree.leaves(stack)[0].shape[0]) // group
    active = [h.shape[0]] * groups if active_rows is None else list(active_rows)
    last_block = jnp.arange(groups) * group + group - 1
    stack = jax.tree.map(lambda w: w[: groups * group].reshape(groups, group, *w.shape[1:]), stack)
    keys = None if key is None else jax.random.split(key, (groups, group))
    a = jnp.zeros_like(h)
    finished = []  # fields of the rows that have left, last to leave at the end

    # Consecutive groups with the same rows are one scan.
    for n, run in itertools.groupby(range(groups), key=active.__getitem__):
        run = list(run)
        if n < h.shape[0]:
            finished.append(a[n:])
            h, a = h[:n], a[:n]
        c_n = c[:n]

        def one_group(carry, step, c_n=c_n, n=n):
            h, a = carry
            weights, key, last = step
            front, front_keys = jax.tree.map(lambda w: w[:-1], (weights, key))
            back, back_key = jax.tree.map(lambda w: w[-1], (weights, key))
            u = _through(graph, front, front_keys, h, c_n)
            w = nnx.merge(graph, back)(u, c_n, back_key)
            on = 1 if isinstance(length, int) else (last < length[:n]).astype(w.dtype)[:, None, None]
            return (u + on * w, a + on * w), None

        steps = jax.tree.map(lambda w, run=run: w[run[0] : run[-1] + 1], (stack, keys, last_block))
        (h, a), _ = jax.lax.scan(one_group, (h, a), steps)
    return jnp.concatenate([a, *reversed(finished)]) if finished else a
