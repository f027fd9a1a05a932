"""Reading a pickled checkpoint without running it (SPEC 8, "Checkpoint format").

A pickle is a program. This reader lets it build dicts, tuples, numbers, strings and numpy arrays, and nothing else:
every global it names is either one of the few below, each replaced by an inert builder of our own, or refused before
anything happens. Optimiser states (optax's named tuples) become plain tuples.

A few bytes can also ask for more than a machine has: one value that is used 2^40 times, a length beyond the file's
end, a number of a million digits. Each has a limit here.
"""

import io
import itertools
import math
import os
import pathlib
import pickle
import struct
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import ml_dtypes
import numpy as np

from odelt import files, trace
from odelt.errors import OdeltError
from odelt.quoting import one_line, quoted

PICKLE = b"\x80"  # how every pickle since protocol 2 begins
MOST_VALUES = 100_000  # each counted as often as it is used; XL's checkpoint has about 2,500
DEEPEST = 60  # levels of nesting
MOST_BITS = 64  # of a number
DTYPES = {"f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1"}


class _DtypeBuilder:
    """Stands in for `numpy.dtype`: a plain number type, whose byte order arrives by BUILD."""

    def __init__(self, name, *_):
        if name is ml_dtypes.bfloat16 or (isinstance(name, str) and name in DTYPES):
            self.dtype = np.dtype(name)
        else:
            raise Refused(f"an array of type {quoted(name) if isinstance(name, str) else type(name).__name__}")

    def __setstate__(self, state):
        if state[1] in ("<", ">"):
            self.dtype = self.dtype.newbyteorder(state[1])

    def fill(self, data, shape, fortran=False):
        if not isinstance(data, bytes | bytearray | memoryview):
            raise Refused("an array of objects")
        if not all(isinstance(size, int) for size in shape) or math.prod(shape) * self.dtype.itemsize != len(data):
            raise ValueError(f"an array of {len(data)} bytes, and its shape is of another number")
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


class _Dict(dict):
    """A dict under construction. Its keys are text or a number: the hash of nested tuples can take for ever."""

    def __init__(self, pairs=()):
        super().__init__()
        for key, value in pairs.items() if isinstance(pairs, dict) else pairs:
            self[key] = value

    def __setitem__(self, key, value):
        if not isinstance(key, str | bytes | int | float | None):
            raise Refused(f"a dict with a key of type {type(key).__name__}")
        super().__setitem__(key, value)


class _NamedTuple(tuple):
    """An inert tuple that stands in for a class of named tuples."""

    def __new__(cls, *fields):
        return super().__new__(cls, fields)

    def __setstate__(self, _):
        pass


NUMPY_CORES = ("numpy.core.multiarray", "numpy._core.multiarray")
ADMITTED: dict[tuple[str, str], Any] = {
    **{(core, "_reconstruct"): _ArrayBuilder for core in NUMPY_CORES},
    **{(core, "scalar"): lambda dtype, data: dtype.fill(data, ())[()] for core in NUMPY_CORES},
    **{
        (core, "_frombuffer"): lambda data, dtype, shape, order: dtype.fill(data, shape, order == "F")
        for core in ("numpy.core.numeric", "numpy._core.numeric")
    },
    # An argument of _reconstruct, and called in what `odelt export` writes.
    ("numpy", "ndarray"): lambda shape, code, data: _DtypeBuilder(code).fill(data, shape),
    ("numpy", "dtype"): _DtypeBuilder,
    ("ml_dtypes", "bfloat16"): ml_dtypes.bfloat16,
    ("collections", "OrderedDict"): _Dict,
    ("flax.core.frozen_dict", "FrozenDict"): _Dict,
    ("jax._src.array", "_reconstruct_array"): _jax_array,
    ("__builtin__", "bytes"): lambda: b"",  # how protocol 2 writes no bytes
    ("_codecs", "encode"): lambda text, encoding: text.encode("latin1"),  # how protocol 2 writes bytes
}
OPTIMISER_STATES = ("ScaleByAdamState", "EmptyState", "ScaleByScheduleState", "TraceState", "MaskedState", "MaskedNode")


class Refused(Exception):
    """The pickle asked for something that is not data."""


class _Whole:
    """An opened file that never returns fewer bytes than were asked for, nor reserves memory for more than it has."""

    def __init__(self, file: io.BufferedReader):
        self._file = file
        self._size = os.fstat(file.fileno()).st_size

    def read(self, count: int) -> bytes:
        if count > self._size - self._file.tell():
            raise EOFError("truncated")
        return self._file.read(count)

    def readline(self) -> bytes:
        line = self._file.readline()
        if not line.endswith(b"\n"):
            raise EOFError("truncated")
        return line


class _InertUnpickler(pickle._Unpickler):
    """Python's own reader. The one in C gives a memo number all the memory that it asks for, and hashes any key."""

    # What that reader has, and its description for type checkers lacks.
    stack: list[Any]
    append: Callable[[object], None]
    pop_mark: Callable[[], list[Any]]
    read: Callable[[int], bytes]

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in ADMITTED:
            return ADMITTED[module, name]
        if module.partition(".")[0] == "optax" and name in OPTIMISER_STATES:
            return _NamedTuple
        raise Refused(f"the global {quoted(f'{module}.{name}')}")

    def persistent_load(self, pid):
        raise Refused("a persistent object")

    def _empty_dict(self):
        self.append(_Dict())

    def _dict(self):
        items = self.pop_mark()
        self.append(_Dict(zip(items[::2], items[1::2], strict=True)))

    def _bytearray(self):
        (count,) = struct.unpack("<Q", self.read(8))
        self.append(bytearray(self.read(count)))

    def _build(self):
        state = self.stack.pop()
        if not isinstance(self.stack[-1], _DtypeBuilder | _ArrayBuilder | _NamedTuple):
            raise Refused(f"a state for a value of type {type(self.stack[-1]).__name__}")
        self.stack[-1].__setstate__(state)

    def _set(self):
        raise Refused("a set")

    # Its functions take this very class, and the description of the class above admits none that do.
    dispatch = {  # noqa: RUF012 (as in the class above)  # pyright: ignore[reportAssignmentType]
        **pickle._Unpickler.dispatch,
        pickle.EMPTY_DICT[0]: _empty_dict,
        pickle.DICT[0]: _dict,
        pickle.BYTEARRAY8[0]: _bytearray,
        pickle.BUILD[0]: _build,
        pickle.EMPTY_SET[0]: _set,
        pickle.FROZENSET[0]: _set,
    }


def load(path: str | pathlib.Path) -> Any:
    """The data in a pickled checkpoint: nested dicts and tuples of numpy arrays, numbers and strings.

    Raises:
        OdeltError: the file is missing, truncated, not a pickle, asks for anything but data (which is named), or
            holds more, deeper or longer data than a checkpoint does.
    """
    path = pathlib.Path(path)
    files.require_regular(path, "checkpoint")
    trace.used(path)
    start = b""
    try:
        with path.open("rb") as file:
            start = file.read(1)
            if not start:
                raise OdeltError(f"{path} is empty: download it again")
            file.seek(0)
            return _plain(_InertUnpickler(_Whole(file)).load(), itertools.count(1))
    except OdeltError:
        raise
    except Refused as refused:
        raise OdeltError(
            f"{path} is refused: a checkpoint holds only data, and this file asks for {refused}; nothing of it was run"
        ) from None
    except OSError as error:
        raise OdeltError(f"{path} cannot be read: {error.strerror}") from None
    except Exception as error:  # a damaged stream can fail in any opcode, with any exception
        reason = one_line(f"{type(error).__name__}: {error}", 120)
        cut = start == PICKLE and (isinstance(error, EOFError) or "exhausted" in str(error))
        kind = "truncated" if cut else "not a pickled checkpoint, or a damaged one"
        raise OdeltError(f"{path} is {kind} ({reason}): download it again") from None


def _plain(value: Any, counted: Iterator[int], level: int = 0) -> Any:
    """Plain containers from those of the reader; `counted` counts what it walks through."""
    if next(counted) > MOST_VALUES:
        raise Refused(f"more than {MOST_VALUES:,} values, each counted as often as it is used")
    if level > DEEPEST:
        raise Refused(f"values nested more than {DEEPEST} deep")
    if isinstance(value, _ArrayBuilder):
        return value.array
    if isinstance(value, Mapping):
        return {_plain(key, counted, level + 1): _plain(item, counted, level + 1) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return tuple(_plain(item, counted, level + 1) for item in value)
    if isinstance(value, int) and value.bit_length() > MOST_BITS:
        raise Refused(f"a number of more than {MOST_BITS} bits")
    return value
