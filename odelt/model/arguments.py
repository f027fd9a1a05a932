"""What callers of `odelt.velocity` and `odelt.integrate` may give, or one line that says what is wrong.

Values are looked at where they are known; inside of a caller's own `jax.jit` only shapes and types are.
"""

import math
import operator

import jax
import jax.core
import jax.numpy as jnp
import numpy as np

from odelt.config import FINEST_D, Network
from odelt.errors import OdeltError
from odelt.quoting import quoted

Array = np.ndarray | jax.Array


def images(name: str, value, network: Network | None) -> jax.Array:
    """float32 [N, H, W, C], all values finite; of the network's channels, H and W multiples of its patch."""
    array = jnp.asarray(_real(name, value), jnp.float32)
    if network is None:
        if array.ndim != 4:
            raise OdeltError(f"{name} has shape {list(array.shape)}: [N, H, W, C] is needed")
        return _finite(name, array)
    if array.ndim != 4 or array.shape[3] != network.channels or any(side % network.patch for side in array.shape[1:3]):
        raise OdeltError(
            f"{name} has shape {list(array.shape)}: [N, H, W, {network.channels}] is needed, with H and W multiples "
            f"of {network.patch}"
        )
    return _finite(name, array)


def times(value, rows: int) -> jax.Array:
    """float32 [N] in [0, 1], from [N] or a scalar."""
    array = _real("t", value)
    known = _known(array)
    if not ((known >= 0) & (known <= 1)).all():  # NaN neither
        raise OdeltError("t: times go from 0 (noise) to 1 (data)")
    return _per_row("t", array, rows, jnp.float32)


def step_sizes(value, rows: int) -> jax.Array:
    """float32 [N], each a whole number 0..7, from [N] or a scalar; it may be a float, as in the embedding (SPEC 2)."""
    array = _real("d", value)
    known = _known(array)
    if not ((known >= 0) & (known <= FINEST_D) & (known == np.round(known))).all():  # NaN neither
        raise OdeltError(f"d: the step-size condition is a whole number from 0 to {FINEST_D}")
    return _per_row("d", array, rows, jnp.float32)


def labels(value, rows: int, classes: int) -> jax.Array:
    """int32 [N], each a class or the null label `classes`, from [N] or a scalar."""
    array = _whole("y", value)
    if not _is_within(array, 0, classes):
        raise OdeltError(f"y: labels go from 0 to {classes}, where {classes} is the null label")
    return _per_row("y", array, rows, jnp.int32)


def lengths(value, rows: int, network: Network) -> int | jax.Array | None:
    """None, one allowed length, or int32 [N] of allowed lengths."""
    if value is None:
        return None
    array = _whole("length", value)
    known = _known(array)
    for each in np.unique(known).tolist():
        network.check_length(each)
    return int(known[()]) if known.shape == () else _per_row("length", array, rows, jnp.int32)


def length(value, network: Network) -> int | None:
    """None, or one allowed length."""
    return None if value is None else network.check_length(_integer("length", value))


def step_size(value) -> int | None:
    """None, or a whole number 0..7."""
    if value is None:
        return None
    if not 0 <= (d := _integer("d", value)) <= FINEST_D:
        raise OdeltError(f"d = {d}: the step-size condition is a whole number from 0 to {FINEST_D}")
    return d


def seed(value) -> int:
    """A whole number of at least 0."""
    if (number := _integer("seed", value)) < 0:
        raise OdeltError(f"seed {number}: a whole number of at least 0 is needed")
    return number


def noise(value, shape: tuple[int, ...]) -> jax.Array:
    """float32 of this shape, all values finite."""
    array = jnp.asarray(_real("noise", value), jnp.float32)
    if array.shape != shape:
        raise OdeltError(f"noise has shape {list(array.shape)}: {list(shape)} is needed, noise for each step")
    return _finite("noise", array)


def guidance(value) -> float:
    """A finite number of at least 0."""
    array = _real("guidance", value)
    if array.ndim or not 0 <= float(array) < math.inf:
        raise OdeltError(f"guidance {quoted(value)}: a guidance scale is one finite number of at least 0")
    return float(array)


def _finite(name: str, array: jax.Array) -> jax.Array:
    if not np.isfinite(_known(array)).all():
        raise OdeltError(f"{name} holds values that are not finite as float32")
    return array


def _real(name: str, value) -> Array:
    """An array of real numbers; booleans are none."""
    return _array(name, value, (jnp.floating, jnp.integer), "numbers")


def _whole(name: str, value) -> Array:
    return _array(name, value, (jnp.integer,), "whole numbers")


def _array(name: str, value, kinds: tuple, wanted: str) -> Array:
    try:
        array = value if isinstance(value, jax.Array) else np.asarray(value)
    except (ValueError, TypeError):  # rows of several lengths; something that is on another device
        raise OdeltError(f"{name}: an array of {wanted} is needed") from None
    if not any(jnp.issubdtype(array.dtype, kind) for kind in kinds):
        raise OdeltError(f"{name}: {wanted} are needed, not the type {array.dtype}")
    return array


def _integer(name: str, value) -> int:
    try:
        return operator.index(value)
    except TypeError:
        raise OdeltError(f"{name}: one whole number is needed, not {quoted(value)}") from None


def _per_row(name: str, array: Array, rows: int, dtype) -> jax.Array:
    """[N], from [N] or a scalar."""
    if array.shape not in ((), (rows,)):
        raise OdeltError(f"{name} has shape {list(array.shape)}: one value for all rows is needed, or [{rows}]")
    return jnp.broadcast_to(jnp.asarray(array, dtype), (rows,))


def _is_within(array: Array, low: int, high: int) -> bool:
    known = _known(array)
    return not known.size or (low <= int(known.min()) and int(known.max()) <= high)


def _known(array: Array) -> np.ndarray:
    """The values on the host; none where they are not known yet."""
    return np.zeros(0, array.dtype) if isinstance(array, jax.core.Tracer) else np.asarray(array)
