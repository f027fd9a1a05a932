"""The DiT backbone as Shortcut Models trained it (SPEC 2).

In shapes `model` is the network's width, and `#batch` also one row that is the same for all. Parameters are float32.
Under bfloat16 the second Dense of both scalar embeddings, e_t, e_d, c and c + e_l, SiLU(c), LayerNorm's statistics and
the softmax stay in float32, as in the release.
"""

import functools
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Float, Float32, Int, Key, Real

from odelt.config import Network

FREQUENCIES = 128  # of the scalar embedding: 128 cosines, then 128 sines

Tokens = Float[jax.Array, "batch tokens model"]
Condition = Float[jax.Array, "#batch model"]

embedding_init = nnx.initializers.normal(stddev=0.02)  # scalar-embedding kernels, label table and length table
dense_init = nnx.initializers.xavier_uniform()  # variance 2 / (fan_in + fan_out)


def position_embedding(rows: int, columns: int, width: int) -> Float32[np.ndarray, "{rows}*{columns} {width}"]:
    """Fixed sine-cosine embedding; the column index fills the first half (SPEC 2)."""
    half = width // 2
    omega = 10000.0 ** (-np.arange(half // 2) / (half // 2))

    def encode(index: np.ndarray) -> np.ndarray:
        angle = index[:, None] * omega
        return np.concatenate([np.sin(angle), np.cos(angle)], axis=-1)

    row, column = np.divmod(np.arange(rows * columns), columns)
    return np.concatenate([encode(column), encode(row)], axis=-1).astype(np.float32)


class ScalarEmbedding(nnx.Module):
    """256 features of a scalar, used as it is (t is not multiplied by 1000), through Dense, SiLU, Dense."""

    def __init__(self, width: int, *, dtype, rngs: nnx.Rngs):
        self.hidden = nnx.Linear(2 * FREQUENCIES, width, kernel_init=embedding_init, dtype=dtype, rngs=rngs)
        self.out = nnx.Linear(width, width, kernel_init=embedding_init, dtype=jnp.float32, rngs=rngs)

    def __call__(self, s: Real[jax.Array, " batch"]) -> Float32[jax.Array, "batch model"]:
        frequency = jnp.exp(-np.log(10000.0) * jnp.arange(FREQUENCIES, dtype=jnp.float32) / FREQUENCIES)
        angle = s.astype(jnp.float32)[:, None] * frequency
        return self.out(nnx.silu(self.hidden(jnp.concatenate([jnp.cos(angle), jnp.sin(angle)], axis=-1))))


def attention_kernel(dtype, head_width: int, device: Any) -> Literal["cudnn", "xla"]:
    """cuDNN's flash attention where it exists; it never writes the S×S weights to memory. All else is XLA's.

    It exists on NVIDIA GPUs from Ampere (8.0) on, in bfloat16, for heads of width 8, 16, … 128.
    """
    if "cuda" not in device.client.platform_version or dtype != jnp.bfloat16 or head_width % 8 or head_width > 128:
        return "xla"
    return "cudnn" if float(device.compute_capability) >= 8 else "xla"


def modulate(a: Tokens, shift: Float[jax.Array, "#batch 1 model"], scale: Float[jax.Array, "#batch 1 model"]) -> Tokens:
    return a * (1 + scale) + shift


class Block(nnx.Module):
    """An adaLN-Zero transformer block; q is divided by the head's width, not by its square root (SPEC 2)."""

    def __init__(self, width: int, heads: int, *, dropout: float, dtype, rngs: nnx.Rngs):
        dense = functools.partial(nnx.Linear, kernel_init=dense_init, dtype=dtype, rngs=rngs)
        self.heads = heads
        self.modulation = dense(width, 6 * width)
        self.key = dense(width, width)
        self.query = dense(width, width)
        self.value = dense(width, width)
        self.attention_out = dense(width, width)
        self.mlp_hidden = dense(width, 4 * width)
        self.mlp_out = dense(4 * width, width)
        self.norm = nnx.LayerNorm(width, epsilon=1e-6, use_bias=False, use_scale=False, dtype=dtype, rngs=rngs)
        self.dropout = nnx.Dropout(dropout)

    def __call__(self, h: Tokens, c: Condition, key: Key[jax.Array, ""] | None = None) -> Tokens:
        """`key` draws the dropout masks, without one there is no dropout."""
        modulation = self.modulation(nnx.silu(c))[:, None, :]
        shift1, scale1, gate1, shift2, scale2, gate2 = jnp.split(modulation, 6, axis=-1)
        h = h + gate1 * self.attention(modulate(self.norm(h), shift1, scale1))
        return h + gate2 * self.mlp(modulate(self.norm(h), shift2, scale2), key)

    def attention(self, a: Tokens) -> Tokens:
        def split(x):  # [batch, tokens, model] -> [batch, tokens, heads, model / heads]
            return x.reshape(*x.shape[:-1], self.heads, -1)

        q, k, v = split(self.query(a)), split(self.key(a)), split(self.value(a))
        kernel = attention_kernel(q.dtype, q.shape[-1], jax.local_devices()[0])
        mixed = jax.nn.dot_product_attention(q, k, v, scale=1 / q.shape[-1], implementation=kernel)
        return self.attention_out(mixed.reshape(a.shape))

    def mlp(self, a: Tokens, key: Key[jax.Array, ""] | None) -> Tokens:
        keys = (None, None) if key is None else jax.random.split(key)
        a = self.dropout(nnx.gelu(self.mlp_hidden(a), approximate=True), deterministic=key is None, rngs=keys[0])
        return self.dropout(self.mlp_out(a), deterministic=key is None, rngs=keys[1])


class FinalLayer(nnx.Module):
    """Modulated LayerNorm and a Dense back to patches; both Dense kernels start at zero."""

    def __init__(self, width: int, out: int, *, dtype, rngs: nnx.Rngs):
        zero = nnx.initializers.zeros_init()
        self.modulation = nnx.Linear(width, 2 * width, kernel_init=zero, dtype=dtype, rngs=rngs)
        self.norm = nnx.LayerNorm(width, epsilon=1e-6, use_bias=False, use_scale=False, dtype=dtype, rngs=rngs)
        self.out = nnx.Linear(width, out, kernel_init=zero, dtype=dtype, rngs=rngs)

    def __call__(self, a: Tokens, c: Condition) -> Float[jax.Array, "batch tokens patch"]:
        shift, scale = jnp.split(self.modulation(nnx.silu(c))[:, None, :], 2, axis=-1)
        return self.out(modulate(self.norm(a), shift, scale))


class DiT(nnx.Module):
    """The whole network; `blocks` holds every block's weights stacked on a leading axis of size L.

    Without `length_table` (SM's own networks have none) only the conventional path through all blocks exists.
    """

    def __init__(self, config: Network, *, length_table: bool, dropout: float = 0.0, dtype=jnp.float32, rngs: nnx.Rngs):
        width = config.width
        tokens = config.patch**2 * config.channels
        self.patch = config.patch
        self.dtype = dtype
        self.patch_embedding = nnx.Linear(tokens, width, kernel_init=dense_init, dtype=dtype, rngs=rngs)
        self.time_embedding = ScalarEmbedding(width, dtype=dtype, rngs=rngs)
        self.step_embedding = ScalarEmbedding(width, dtype=dtype, rngs=rngs)
        self.label_embedding = nnx.Embed(
            config.classes + 1, width, embedding_init=embedding_init, dtype=dtype, rngs=rngs
        )
        if length_table:  # row l for length l
            self.length_embedding = nnx.Embed(
                config.depth + 1, width, embedding_init=embedding_init, dtype=dtype, rngs=rngs
            )
        block = functools.partial(Block, width, config.heads, dropout=dropout, dtype=dtype)
        self.blocks = nnx.vmap(lambda rngs: block(rngs=rngs))(rngs.split(config.depth))
        self.final = FinalLayer(width, tokens, dtype=dtype, rngs=rngs)

    def tokens(self, x: Float[jax.Array, "batch height width channels"]) -> Tokens:
        """Patches in row-major order, embedded, plus their position (added in float32)."""
        n, height, width, channels = x.shape
        p = self.patch
        grid = x.reshape(n, height // p, p, width // p, p, channels).swapaxes(2, 3)
        embedded = self.patch_embedding(grid.reshape(n, -1, p * p * channels))
        position = position_embedding(height // p, width // p, embedded.shape[-1])
        return (embedded.astype(jnp.float32) + position).astype(self.dtype)

    def timeless_condition(
        self, d: Real[jax.Array, " steps"], y: Int[jax.Array, " labels"]
    ) -> tuple[Float32[jax.Array, "labels model"], Float32[jax.Array, "steps model"]]:
        """e_y and e_d, of each row or one for all."""
        return self.label_embedding(y).astype(jnp.float32), self.step_embedding(d)

    def condition(
        self,
        t: Real[jax.Array, " times"],
        label: Float32[jax.Array, "labels model"],
        step: Float32[jax.Array, "steps model"],
    ) -> Float32[jax.Array, "rows model"]:
        """c = e_t + e_y + e_d; what is the same for every row may have one row."""
        return self.time_embedding(t) + label + step

    def image(self, a: Tokens, c: Condition, shape: tuple[int, ...]) -> Float[jax.Array, "batch height width channels"]:
        """The final layer on the accumulated field, unpatchified to `shape`."""
        n, height, width, channels = shape
        p = self.patch
        patches = self.final(a, c).reshape(n, height // p, width // p, p, p, channels)
        return patches.swapaxes(2, 3).reshape(shape)


def abstract(config: Network, *, length_table: bool, dropout: float = 0.0, dtype: str = "float32") -> DiT:
    """The network without numbers: its structure, shapes and types."""
    return nnx.eval_shape(
        lambda: DiT(config, length_table=length_table, dropout=dropout, dtype=jnp.dtype(dtype), rngs=nnx.Rngs(0))
    )


class Graphs(NamedTuple):
    """A network's structure without weights, in two parts; `nnx.merge(graphs.block, weights)` is a block."""

    rest: nnx.GraphDef  # all but the blocks
    block: nnx.GraphDef


@functools.lru_cache(maxsize=32)
def graphs(config: Network, *, length_table: bool, dropout: float = 0.0, dtype: str = "float32") -> Graphs:
    network = abstract(config, length_table=length_table, dropout=dropout, dtype=dtype)
    block = nnx.graphdef(network.blocks)
    del network.blocks
    return Graphs(nnx.graphdef(network), block)
