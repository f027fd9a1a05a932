"""Random lengths for the rows of a batch (SPEC 4.3), and which rows each group of blocks has to be computed for."""

import jax
import jax.numpy as jnp
from jaxtyping import Int32, Key

from odelt.config import Network


def draw(key: Key[jax.Array, ""], count: int, network: Network, *, stratified: bool) -> Int32[jax.Array, " {count}"]:
    """Draws lengths, each uniform over the allowed ones.

    Stratified lengths are drawn together, longest first, the others each on its own. The number of rows per length is
    then count / n rounded up or down at random. So each length's expected share is exactly 1/n, and a row's length is
    uniform once rows are dealt to lengths at random (which the training step does).
    """
    lengths = jnp.asarray(network.lengths[::-1], jnp.int32)
    if not stratified:
        return lengths[jax.random.randint(key, (count,), 0, len(lengths))]
    position = (jnp.arange(count) + jax.random.uniform(key)) / count
    return lengths[jnp.floor(position * len(lengths)).astype(jnp.int32).clip(0, len(lengths) - 1)]


def active_rows(count: int, network: Network, *, stratified: bool) -> list[int]:
    """For each group of blocks, the number of rows (longest first) that may act in it; known before compilation."""
    groups = network.depth // network.group
    if not stratified:
        return [count] * groups
    n = len(network.lengths)
    active = []
    for group in range(groups):
        longer = sum(length >= (group + 1) * network.group for length in network.lengths)
        active.append(-(-count * longer // n))  # rounded up: the row on the border may go either way
    return active
