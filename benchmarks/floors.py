"""What the machine could do at best: its measured rate of matrix products and of copying, and the floor they give.

A figure's floor is the time that its work would take at those rates: operations at the matmul rate, bytes at the copy
rate, the greater of the two, as if both went on at once without a gap.
"""

import functools
import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from common import seconds

from odelt.config import Network

REPEATS = 5
LONG_ENOUGH = 0.1  # seconds of one repetition, so that starting a program does not count
SQUARE = {"cpu": 1024}  # side of the large square product, else:
SQUARE_OF_ACCELERATOR = 8192
COPIED = {"cpu": 64 << 20}  # bytes, more than a processor's caches hold
COPIED_ON_ACCELERATOR = 1 << 30


class Rates(NamedTuple):
    """Measured on this device, in one dtype."""

    matmul_network: float  # FLOP/s of products of the network's MLP: [rows, D] × [D, 4D] and back
    matmul_square: float  # FLOP/s of a large square product
    copy: float  # bytes/s, read and written

    @property
    def matmul(self) -> float:
        """The device's best."""
        return max(self.matmul_network, self.matmul_square)


def rates(network: Network, rows: int, dtype: str) -> Rates:
    """The rates beside figures of `rows` images at once."""
    tokens = rows * math.prod(network.image) // network.patch**2
    platform = jax.devices()[0].platform
    side = SQUARE.get(platform, SQUARE_OF_ACCELERATOR)
    return Rates(
        matmul_rate(tokens, network.width, 4 * network.width, dtype),
        matmul_rate(side, side, side, dtype),
        copy_rate(COPIED.get(platform, COPIED_ON_ACCELERATOR)),
    )


def matmul_rate(rows: int, width: int, hidden: int, dtype: str) -> float:
    """FLOP/s of ([rows, width] × [width, hidden]) × [hidden, width]: two per multiplication, float32 kept whole."""
    keys = jax.random.split(jax.random.key(0), 3)
    x = jax.random.normal(keys[0], (rows, width), dtype)
    # Each product keeps the variance at one, however often it is repeated.
    up = jax.random.normal(keys[1], (width, hidden), dtype) / math.sqrt(width)
    down = jax.random.normal(keys[2], (hidden, width), dtype) / math.sqrt(hidden)

    @jax.jit
    def products(count, x, up, down):
        with jax.default_matmul_precision("float32"):  # as the network does
            return jax.lax.fori_loop(0, count, lambda _, x: (x @ up) @ down, x)

    return 4 * rows * width * hidden / _once(functools.partial(products, x=x, up=up, down=down))


def copy_rate(size: int) -> float:
    """Bytes/s, those read and those written, of adding one to `size` bytes."""
    x = jnp.zeros(size // 4, jnp.float32)
    add = jax.jit(lambda count, x: jax.lax.fori_loop(0, count, lambda _, x: x + 1, x))
    return 2 * size / _once(functools.partial(add, x=x))


def floor(flops: float, bytes_moved: float, rates: Rates, measured: float, devices: int = 1) -> dict[str, Any]:
    """`floor_s`, what it is made of, and `utilisation`, the floor's share of the `measured` seconds.

    `matmul_utilisation` is the operations' share alone. Devices share the work; each has the rates to itself, but for
    virtual ones of a CPU (`devices` is then 1).
    """
    matmul_s, copy_s = flops / rates.matmul / devices, bytes_moved / rates.copy / devices
    return {
        "floor_s": max(matmul_s, copy_s),
        "utilisation": max(matmul_s, copy_s) / measured,
        "matmul_utilisation": matmul_s / measured,
        "floor": {
            "matmul_s": matmul_s,
            "copy_s": copy_s,
            "bytes": bytes_moved,
            "matmul_flops_per_s": rates.matmul,
            "matmul_flops_per_s_at_network_sizes": rates.matmul_network,
            "matmul_flops_per_s_large_square": rates.matmul_square,
            "copy_bytes_per_s": rates.copy,
        },
    }


def nbytes(tree: Any, dtype: str | None = None) -> int:
    """Bytes of all arrays of a tree, or of as many numbers of another dtype."""
    sizes = ((leaf.size, jnp.dtype(dtype or leaf.dtype).itemsize) for leaf in jax.tree.leaves(tree))
    return sum(count * size for count, size in sizes)


def _once(repeated) -> float:
    """Seconds of one round of `repeated(count)`, the best of several repetitions."""

    def run(count):
        return seconds(lambda: jax.block_until_ready(repeated(count)))

    run(1)  # compiles
    count = max(1, math.ceil(LONG_ENOUGH / run(1)))
    return min(run(count) for _ in range(REPEATS)) / count
