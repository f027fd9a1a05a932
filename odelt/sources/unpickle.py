"""Reading a pickled checkpoint without running it (SPEC 8, "Checkpoint format").

A pickle is a program. This reader lets it build dicts, tuples, numbers, strings and numpy arrays, and nothing else:
every global it names is either one of the few below, each replaced by an inert builder of our own, or refused before
anything happens. Optimiser states (optax's named tuples) become plain tuples.
"""

import collections
import pathlib
import pickle
from typing import Any

import ml_dtypes
import numpy as np

from odelt import provenance
from odelt.errors import OdeltError

PICKLE = b"\x80"  # how every pickle since protocol 2 begins
DTYPES = {"f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1"}


class _DtypeBuilder:
    """Stands in for `numpy.dtype`: a plain number type, whose byte order arrives by BUILD."""

    def __init__(self, name, *_):
        if name is ml_dtypes.bfloat16 or (isinstance(name, str) and name in DTYPES):
            self.dtype = np.dtype(name)
        else:
            raise Refused(f"an array of type {name!r}")

    def __setstate__(self, state):
        if state[1] in ("<", ">"):
            self.dtype = self.dtype.newbyteorder(state[1])

    def fill(self, data, shape, fortran=False):
        if not isinstance(data, bytes | bytearray | memoryview | pickle.PickleBuffer):
            raise Refused("an array of objects")
        return np.frombuffer(data, self.dtype).reshape(shape, order="F" if fortran else "C")


class _ArrayBuilder:
    """Stands in for `numpy.ndarray` under construction: its shape, type and bytes arrive by BUILD."""

    def __init__(self, *_):
        self.array = None

    def __setstate__(self, state):
        _, shape, dtype, fortran, data = state
        self.array = dtype.fill(data, shape, fortran)


def _jax_array(_build, _arguments, state, _aval=None):
    builder = _ArrayBuilder()
    builder.__setstate__(state)
    return builder


def _named_tuple(name: str) -> type:
    """An inert tuple that goes by the name of the class it replaces."""
    return type(
        name,
        (tuple,),
        {"__new__": lambda cls, *fields: tuple.__new__(cls, fields), "__setstate__": lambda self, _: None},
    )


NUMPY_CORES = ("numpy.core.multiarray", "numpy._core.multiarray")
ADMITTED: dict[tuple[str, str], Any] = {
    **{(core, "_reconstruct"): _ArrayBuilder for core in NUMPY_CORES},
    **{(core, "scalar"): lambda dtype, data: dtype.fill(data, ())[()] for core in NUMPY_CORES},
    **{
        (core, "_frombuffer"): lambda data, dtype, shape, order: dtype.fill(data, shape, order == "F")
        for core in ("numpy.core.numeric", "numpy._core.numeric")
    },
    ("numpy", "ndarray"): None,  # an argument of _reconstruct, never called
    ("numpy", "dtype"): _DtypeBuilder,
    ("ml_dtypes", "bfloat16"): ml_dtypes.bfloat16,
    ("collections", "OrderedDict"): dict,
    ("flax.core.frozen_dict", "FrozenDict"): dict,
    ("jax._src.array", "_reconstruct_array"): _jax_array,
    ("__builtin__", "bytes"): lambda: b"",  # how protocol 2 writes no bytes
    ("_codecs", "encode"): lambda text, encoding: text.encode("latin1"),  # how protocol 2 writes bytes
}
OPTIMISER_STATES = ("ScaleByAdamState", "EmptyState", "ScaleByScheduleState", "TraceState", "MaskedState", "MaskedNode")


class Refused(Exception):
    """The pickle asked for something that is not data."""


class _InertUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in ADMITTED:
            return ADMITTED[module, name]
        if module.partition(".")[0] == "optax" and name in OPTIMISER_STATES:
            return _named_tuple(name)
        raise Refused(f"the global '{module}.{name}'")

    def persistent_load(self, _):
        raise Refused("a persistent object")


def load(path: str | pathlib.Path) -> Any:
    """The data in a pickled checkpoint: nested dicts and tuples of numpy arrays, numbers and strings.

    Raises:
        OdeltError: the file is missing, truncated, not a pickle, or asks for anything but data (which is named).
    """
    path = pathlib.Path(path)
    provenance.used(path)
    start = b""
    try:
        with path.open("rb") as file:
            start = file.read(1)
            if not start:
                raise OdeltError(f"{path} is empty: download it again")
            file.seek(0)
            return _plain(_InertUnpickler(file).load())
    except OdeltError:
        raise
    except Refused as refused:
        raise OdeltError(
            f"{path} is refused: a checkpoint holds only data, and this file asks for {refused}; nothing of it was run"
        ) from None
    except OSError as error:
        raise OdeltError(f"{path} cannot be read: {error.strerror}") from None
    except Exception as error:  # a damaged stream can fail in any opcode, with any exception
        told = " ".join(f"{type(error).__name__}: {error}".split())[:120]
        cut = start == PICKLE and any(word in str(error) for word in ("truncated", "exhausted", "Ran out of input"))
        kind = "truncated" if cut else "not a pickled checkpoint, or a damaged one"
        raise OdeltError(f"{path} is {kind} ({told}): download it again") from None


def _plain(value: Any) -> Any:
    if isinstance(value, _ArrayBuilder):
        return value.array
    if isinstance(value, collections.abc.Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return tuple(_plain(item) for item in value)
    return value
