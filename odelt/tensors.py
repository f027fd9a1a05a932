"""Tensors in safetensors files: float32 and finite, written and read with one line where something is wrong."""

import contextlib
import math
import os
import re
from collections.abc import Iterator, Mapping

import numpy as np
import safetensors
import safetensors.numpy

from odelt import files, trace
from odelt.errors import OdeltError
from odelt.quoting import one_line, quoted

STORED = "F32"  # what the format calls float32
SYSTEM_ERROR = re.compile(r"\(os error (\d+)\)")  # in the library's message where the system refuses


def save(path: files.Path, tensors: Mapping[str, np.ndarray], facts: Mapping[str, str] | None = None) -> None:
    """Writes float32 tensors, and facts about them as the format's metadata, to `path`, a draft of `odelt.files`.

    Raises:
        OSError: the system refuses, for example because the disk is full; the library has an error of its own for it.
    """
    try:
        safetensors.numpy.save_file(dict(tensors), path, dict(facts or {}) or None)
    except safetensors.SafetensorError as error:
        number = SYSTEM_ERROR.search(str(error))
        if number is None:
            raise
        raise OSError(int(number[1]), os.strerror(int(number[1]))) from None


@contextlib.contextmanager
def opened(path: files.Path, what: str) -> Iterator[dict]:
    """Yields the file's tensors by name, each a view that is read when it is sliced; `what` is for messages.

    Raises:
        OdeltError: the file is missing or damaged, or a tensor is not float32.
    """
    files.require_regular(path, what)
    trace.used(path)
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            views = {name: file.get_slice(name) for name in list(file.keys())}
            for name, view in views.items():
                if view.get_dtype() != STORED:
                    raise OdeltError(
                        f"{path}: {quoted(name)} is of type {quoted(view.get_dtype())} and not float32; make it again"
                    )
            yield views
    except (OSError, safetensors.SafetensorError) as error:
        raise OdeltError(f"{path} is no {what}, or a damaged one ({one_line(error)}): make it again") from None


def facts(path: files.Path) -> dict[str, str]:
    """Returns what `save` was given as facts; nothing where an older version wrote the file."""
    with safetensors.safe_open(path, framework="numpy") as file:
        return file.metadata() or {}


def is_finite(array: np.ndarray, dtype: str | np.dtype = "float32") -> bool:
    """Whether all numbers are finite, also after a cast to `dtype`.

    The extremes tell it without a copy: both are NaN where any number is, and rounding keeps their order.
    """
    if not array.size:
        return True
    with np.errstate(over="ignore", invalid="ignore"):
        extremes = np.stack([array.min(), array.max()]).astype(dtype)
    return all(math.isfinite(extreme) for extreme in extremes)
