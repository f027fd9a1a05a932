"""The network as sampling evaluates it: each tensor in the type that it is used in, each block's weights by themselves.

A block that is taken out of a stack is copied, in every evaluation: on a CPU that is a fifth of the time of one image.
Without a backward pass, 24 blocks one after the other compile as fast as a loop over them; training, which has one,
keeps deep networks in stacks (`odelt.model.runs`).
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import flax.traverse_util
import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Float, Int, Real

from odelt.config import Network
from odelt.model.dit import Block, Condition, DiT, Tokens, abstract, graphs

Images = Float[jax.Array, "batch height width channels"]
Velocity = Callable[[Images, Real[jax.Array, " times"]], Float[jax.Array, "batch height width channels"]]  # of (x, t)


class Structure(NamedTuple):
    """What is compiled in of a network; its weights are given when a program runs."""

    config: Network
    length_table: bool
    dtype: str

    @property
    def network(self) -> DiT:
        return abstract(self.config, length_table=self.length_table, dtype=self.dtype)


def hold(structure: Structure, weights: dict[str, Any]) -> dict[str, Any]:
    """Weights (float32, blocks stacked) as `field` takes them, on the device: `blocks` is a list of single ones."""
    types = _types(structure)
    cast = functools.partial(jax.tree.map, jnp.asarray)
    count = len(jax.tree.leaves(weights["blocks"])[0])
    blocks = [cast(jax.tree.map(lambda w, k=k: w[k], weights["blocks"]), types["blocks"]) for k in range(count)]
    rest = {name: cast(part, types[name]) for name, part in weights.items() if name != "blocks"}
    return {**rest, "blocks": blocks}


def field(
    structure: Structure,
    held: dict[str, Any],
    length: int | Int[jax.Array, " lengths"] | None,
    d: Real[jax.Array, " steps"],
    y: Int[jax.Array, " labels"],
) -> Velocity:
    """The velocity at step-size condition d and labels y, each of all rows or, where it is the same for them, of one.

    What does not depend on time is computed here, once for all evaluations. `length` is as in `inner_ode.forward`;
    with one length or none, all blocks that are held act.
    """
    rest, block = graphs(structure.config, length_table=structure.length_table, dtype=structure.dtype)
    network = nnx.merge(rest, {name: part for name, part in held.items() if name != "blocks"})
    blocks = [nnx.merge(block, weights) for weights in held["blocks"]]
    with jax.default_matmul_precision("float32"):
        label, step = network.timeless_condition(d, y)
        of_length = None
        if length is not None:
            of_length = network.length_embedding(jnp.atleast_1d(jnp.asarray(length, jnp.int32))).astype(jnp.float32)

    def velocity(x: Images, t: Real[jax.Array, " times"]) -> Float[jax.Array, "batch height width channels"]:
        with jax.default_matmul_precision("float32"):  # a GPU would round float32 products to TF32
            h = network.tokens(x)
            c = network.condition(t, label, step)
            if length is None or of_length is None:
                a = _through(blocks, h, c)
            else:
                a = _inner_ode(blocks, h, c + of_length, length, structure.config.group)
            return network.image(a, c, x.shape)

    return velocity


def _through(blocks: Sequence[Block], h: Tokens, c: Condition) -> Tokens:
    return functools.reduce(lambda h, block: block(h, c), blocks, h)


def _inner_ode(
    blocks: Sequence[Block], h: Tokens, c: Condition, length: int | Int[jax.Array, " lengths"], group: int
) -> Tokens:
    """The accumulated field of SPEC 3; a last group that is not whole never acts."""
    a = jnp.zeros_like(h)
    for last in range(group - 1, len(blocks), group):
        u = _through(blocks[last - group + 1 : last], h, c)
        w = blocks[last](u, c)
        if not isinstance(length, int):
            w = (last < length).astype(w.dtype)[:, None, None] * w
        h, a = u + w, a + w
    return a


@functools.lru_cache(maxsize=32)
def _types(structure: Structure) -> dict[str, Any]:
    """Returns the type in which its layer uses each tensor, as a nested dict like the weights."""
    types = {
        (*path, name): jnp.dtype(layer.dtype)
        for path, layer in nnx.iter_modules(structure.network)
        if isinstance(layer, nnx.Linear | nnx.Embed)
        for name in ("kernel", "bias", "embedding")
        if hasattr(layer, name)
    }
    return flax.traverse_util.unflatten_dict(types)
