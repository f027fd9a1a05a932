"""How training holds the blocks: in runs, each a stack of consecutive blocks that the same rows go through.

A block that is taken out of a stack is copied, and its gradient is put back into a stack of zeros: on a CPU that was a
fifth of a training step of DiT-S's width. So the weights, their average and the optimiser's moments lie in runs from
start to end, and one stack only in files. A shallow network has a run per block, and no loop; in a deep one a run is
one compiled block body, however long it is.
"""

import itertools

import jax
import jax.numpy as jnp
import numpy as np

from odelt.config import Network
from odelt.model.weights import LENGTH_TABLE, Weights

SHALLOW = 12  # blocks that are compiled one by one in a time that is still small


def sizes(network: Network, inner_ode: bool) -> tuple[int, ...]:
    """Blocks per run. In a deep network a run ends where rows leave, and before the dead blocks (SPEC 3)."""
    if network.depth <= SHALLOW:
        return (1,) * network.depth
    ends = {network.effective_blocks(length) for length in network.lengths} if inner_ode else set()
    return tuple(end - start for start, end in itertools.pairwise(sorted({0, *ends, network.depth})))


def split(weights: Weights, network: Network) -> Weights:
    """Stacked weights with their blocks in runs; those with a length table are an inner ODE's."""
    ends = itertools.accumulate(sizes(network, LENGTH_TABLE in weights), initial=0)
    parts = [slice(*pair) for pair in itertools.pairwise(ends)]
    return {**weights, "blocks": tuple(jax.tree.map(lambda w, p=p: w[p], weights["blocks"]) for p in parts)}


def join(weights: Weights) -> Weights:
    """The inverse of `split`."""
    array = np if isinstance(jax.tree.leaves(weights)[0], np.ndarray) else jnp
    return {**weights, "blocks": jax.tree.map(lambda *parts: array.concatenate(parts), *weights["blocks"])}


def size(run: Weights) -> int:
    return jax.tree.leaves(run)[0].shape[0]
