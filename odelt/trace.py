"""What this process reads and writes, noted while it does. Imports nothing of the project: everything reports here."""

import contextlib
import dataclasses
import os
import pathlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

Path = str | pathlib.Path


@dataclasses.dataclass
class Trace:
    """Inputs with their fingerprints, taken when they were first read; and for each output its own inputs."""

    # Of a path, and the files in it that count (None: all): the file or folder that has a record, and its digest.
    fingerprint: Callable[[pathlib.Path, Sequence[str] | None], tuple[pathlib.Path, Any]]
    inputs: dict[pathlib.Path, Any] = dataclasses.field(default_factory=dict)
    outputs: dict[pathlib.Path, dict[pathlib.Path, Any]] = dataclasses.field(default_factory=dict)
    precisions: dict[str, str] = dataclasses.field(default_factory=dict)  # by what is computed


_trace: Trace | None = None


@contextlib.contextmanager
def tracing(trace: Trace) -> Iterator[Trace]:
    """Within the block everything that is read and written is noted in `trace`."""
    global _trace
    before, _trace = _trace, trace
    try:
        yield trace
    finally:
        _trace = before


def used(path: Path, names: Sequence[str] | None = None) -> None:
    """Notes a file or a folder that is about to be read; one that is not there, or that this process made, is not.

    Where only some files of a folder are read, `names` are their paths within it.
    """
    absolute = _absolute(path)
    if _trace is None or absolute in _trace.inputs or absolute in _trace.outputs:
        return
    if not os.path.exists(absolute):  # pathlib's own raises where the name is too long for a file
        return
    unit, digest = _trace.fingerprint(absolute, names)
    _trace.inputs[absolute] = (unit, digest)


def retold(path: Path, sha256: str) -> None:
    """Notes an output of which only the record is read, with the digest that this tells; it may have been removed."""
    if _trace is not None:
        _trace.inputs.setdefault(_absolute(path), (_absolute(path), sha256))


def made(path: Path) -> None:
    """Notes a file, or a folder as a whole, that has just been written."""
    if _trace is not None:
        _trace.outputs[_absolute(path)] = _trace.inputs  # the same dict: what is read later counts too


def computed(what: str, precision: str) -> None:
    """Notes the precision in which something is computed, where that depends on the device."""
    if _trace is not None:
        _trace.precisions[what] = precision


@contextlib.contextmanager
def separately() -> Iterator[None]:
    """What is read in the block belongs only to what is written in it, besides what was read before."""
    if _trace is None:
        yield
        return
    common, _trace.inputs = _trace.inputs, dict(_trace.inputs)
    try:
        yield
    finally:
        _trace.inputs = common


def _absolute(path: Path) -> pathlib.Path:
    """Without following links: a link in the tree is a file of the tree."""
    return pathlib.Path(os.path.abspath(path))
