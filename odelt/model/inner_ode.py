"""The inner ODE over length (SPEC 3) as training computes it: groups of blocks as the steps of an Euler solver.

Only blocks that act are computed: a length of l takes the groups whose last block is below l. With a length per row,
rows sorted longest first leave the computation when their length is reached (`active_rows`), so that no work is done
for rows that no longer act. How weights lie is told in `odelt.model.runs`.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Float, Int, Key, Real

from odelt.model import runs
from odelt.model.dit import Condition, Graphs, Tokens
from odelt.model.weights import Weights


def forward(
    graphs: Graphs,
    weights: Weights,
    x: Float[jax.Array, "batch height width channels"],
    t: Real[jax.Array, " times"],
    d: Real[jax.Array, " steps"],
    y: Int[jax.Array, " labels"],
    length: int | Int[jax.Array, " lengths"] | None,
    *,
    group: int,
    active_rows: Sequence[int] | None = None,
    dropout_key: Key[jax.Array, ""] | None = None,
) -> Float[jax.Array, "batch height width channels"]:
    """The velocity in the network's dtype at noisy images x, from weights in runs.

    t (in [0, 1]), d (0..7) and y have a value for each row, or one where it is the same for all.
    `length` is one allowed length for the batch, one for each row, or None for the conventional path through
    all blocks. With a length per row, group k is computed for the first `active_rows[k]` rows only (all rows where
    nothing is said); the rows must then come longest first, and leave between runs.
    """
    rest = nnx.merge(graphs.rest, {name: part for name, part in weights.items() if name != "blocks"})
    blocks = weights["blocks"]
    depth = sum(map(runs.size, blocks))
    keys = None if dropout_key is None else jax.random.split(dropout_key, depth)
    with jax.default_matmul_precision("float32"):  # a GPU would round float32 products to TF32
        h = rest.tokens(x)
        c = rest.condition(t, *rest.timeless_condition(d, y))
        if length is None:  # all blocks are one group
            return rest.image(_groups(graphs.block, blocks, keys, h, c, depth, depth, None), c, x.shape)
        lengths = jnp.atleast_1d(jnp.asarray(length, jnp.int32))
        c_l = c + rest.length_embedding(lengths).astype(jnp.float32)
        return rest.image(_groups(graphs.block, blocks, keys, h, c_l, length, group, active_rows), c, x.shape)


def _groups(
    block: nnx.GraphDef,
    blocks: Sequence[Weights],
    keys: Key[jax.Array, " depth"] | None,
    h: Tokens,
    c: Condition,
    length: int | Int[jax.Array, " lengths"],
    group: int,
    active_rows: Sequence[int] | None,
) -> Tokens:
    """The accumulated field a of SPEC 3, from tokens h and the blocks' condition c."""
    one_length = isinstance(length, int)
    acting = (length if one_length else sum(map(runs.size, blocks))) // group * group
    a = jnp.zeros_like(h)
    finished = []  # fields of the rows that have left, last to leave at the end
    first = 0  # block of the run
    for run in blocks:
        count = min(runs.size(run), acting - first)
        if count <= 0:
            break
        n = h.shape[0] if active_rows is None else active_rows[first // group]
        if n < h.shape[0]:
            finished.append(a[n:])
            h, a, c = h[:n], a[:n], c[:n]

        def act(carry, step, c=c, n=n):
            """One block; the last of a group ends an Euler step, for the rows that reach it."""
            h, a = carry
            weights, key, index = step
            w = nnx.merge(block, weights)(h, c, key)
            last = index % group == group - 1
            if last is np.False_:  # known, outside of a loop
                return (w, a), None
            on = last if isinstance(length, int) else last & (index < length[:n])[:, None, None]
            on = jnp.asarray(on, w.dtype)
            return (jnp.where(last, h + on * w, w), a + on * w), None

        steps = (run, None if keys is None else keys[first : first + count], np.arange(first, first + count))
        if runs.size(run) == 1:
            (h, a), _ = act((h, a), jax.tree.map(lambda w: w[0], steps))
        else:
            again = jax.checkpoint(act, policy=_is_kept, prevent_cse=False)
            (h, a), _ = jax.lax.scan(again, (h, a), jax.tree.map(lambda w, count=count: w[:count], steps))
        first += count
    return jnp.concatenate([a, *reversed(finished)]) if finished else a


def _is_kept(primitive, *_, **__) -> bool:
    """Whether a loop over blocks (of a network deeper than `runs.SHALLOW`) keeps a result for the backward pass.

    It keeps those of matrix products and of fused attention. All else is computed again there, dropout's masks too: by
    the CPU compiler's account a step of DiT-XL at batch 256 needs a third of the memory so.
    """
    return primitive.name == "dot_general" or primitive.name.startswith("dot_product_attention")
