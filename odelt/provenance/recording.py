"""From a verb that ran to the records beside its outputs."""

import argparse
import contextlib
import datetime
import functools
import json
import pathlib
import types
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from odelt import trace
from odelt.config import Solver
from odelt.errors import OdeltError
from odelt.provenance import digests, environment
from odelt.provenance.record import STUDY, SUITE, Input, Output, Record, beside, concerns, read, root_of, write

CONFIG = pathlib.Path("config")  # of the project, in the working directory
OUTPUTS = ("out", "pictures")  # the options that say what a verb writes
NOT_TOLD = (
    "verb",
    "command",
    "log",
    "timings",
    "proxy",
    "certificate",
)  # no parameters of the result; a proxy may hold a password


@contextlib.contextmanager
def recording(arguments: argparse.Namespace) -> Iterator[types.SimpleNamespace]:
    """Runs a verb's block and, where that sets `status` to 0, writes a record beside each of its outputs.

    Raises:
        OdeltError: an output or its record cannot be read or written.
    """
    started = now()
    with trace.tracing(trace.Trace(_fingerprint)) as traced:
        yield (outcome := types.SimpleNamespace(status=0))
    if outcome.status or not traced.outputs:
        return
    module = arguments.verb.__module__
    run = functools.partial(
        Record,
        verb=arguments.command,
        code=environment.code(module),
        environment=environment.environment(module),
        started=started,
        ended=now(),
    )
    asked = [path.absolute() for path in _paths(arguments)]
    for path, inputs in traced.outputs.items():
        root, name = root_of(path)
        asked_for = any(path == one or one in path.parents for one in asked)
        if asked_for and concerns(path.relative_to(root)) and path.exists():
            told = parameters(arguments, root)
            fields = {"inputs": _inputs(inputs, root), "parameters": told, "seed": _seed(told)}
            write(run(output=_output(path, root), suite=_known_suite(root, name), **fields), beside(path))


def now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def parameters(arguments: argparse.Namespace, root: pathlib.Path) -> dict[str, Any]:
    """The verb's options as plain data: sections of JSON read, paths as in the record, no absolute ones."""
    return {name: _plain(value, root) for name, value in vars(arguments).items() if name not in NOT_TOLD}


def external_name(path: pathlib.Path) -> str:
    """What a record calls a file outside of the suite's folder: its path in the working directory, or its name."""
    here = pathlib.Path.cwd()
    return path.relative_to(here).as_posix() if path.is_relative_to(here) else path.name


def _plain(value: object, root: pathlib.Path) -> object:
    match value:
        case pathlib.Path():
            path = value.absolute()
            return path.relative_to(root).as_posix() if path.is_relative_to(root) else external_name(path)
        case Solver():
            return str(value)
        case list() | tuple():
            return [_plain(one, root) for one in value]
        case dict():
            return {name: _plain(one, root) for name, one in value.items()}
        case str() if value.startswith("{"):
            return json.loads(value)
    return value


def _seed(told: Mapping[str, Any]) -> int | None:
    settings = told.get("settings")
    return told.get("seed", settings.get("seed") if isinstance(settings, dict) else None)


def _known_suite(root: pathlib.Path, name: str | None) -> str | None:
    """The name, if a suite or a latency study has it: one that is configured here, or that is kept in the folder.

    `results/imported` is a folder that a user named: no suite has this name.
    """
    known = name and (CONFIG / f"{name}.yaml", root / SUITE, root / STUDY)
    return name if known and any(path.is_file() for path in known) else None


def _paths(arguments: argparse.Namespace) -> Iterator[pathlib.Path]:
    for option in OUTPUTS:
        value = getattr(arguments, option, None) or []
        yield from value if isinstance(value, list) else [value]


def _output(path: pathlib.Path, root: pathlib.Path) -> Output:
    try:
        found = digests.find(path)
        stamp = digests.stamp(path) if found.bytes >= digests.LARGE else None
    except OSError as error:
        raise OdeltError(f"cannot read {path}, which was just written: {error.strerror}") from None
    name = path.relative_to(root).as_posix()
    return Output(path=name, sha256=found.sha256, bytes=found.bytes, files=found.files, stamp=stamp)


def _inputs(inputs: Mapping[pathlib.Path, tuple[pathlib.Path, str]], root: pathlib.Path) -> tuple[Input, ...]:
    """Each once, sorted: a folder of which several files were read is one input."""
    found = set()
    for path, sha256 in inputs.values():
        external = not path.is_relative_to(root)
        name = external_name(path) if external else path.relative_to(root).as_posix()
        found.add((name, sha256, external))
    return tuple(Input(path=name, sha256=sha256, external=external) for name, sha256, external in sorted(found))


def _fingerprint(path: pathlib.Path, names: Sequence[str] | None) -> tuple[pathlib.Path, str]:
    """What has the record, the file or a folder that it lies in; and its sha256. `names`: the files of a folder that
    count, where not all do.

    Something large whose record carries its present sizes and times is not hashed again: the audit does that.
    """
    unit = next((one for one in (path, *path.parents) if one.name and beside(one).exists()), path)
    try:
        if names is not None:
            return path, digests.of_files(path, names)
        return unit, _sha256(unit, digests.stamp(unit) if unit.exists() else "")
    except OSError as error:
        raise OdeltError(f"cannot read {error.filename or unit}: {error.strerror}") from None


@functools.cache
def _sha256(path: pathlib.Path, stamp: str) -> str:
    with contextlib.suppress(OSError, ValueError):
        known = read(beside(path)).output
        if known.stamp == stamp:
            return known.sha256
    return digests.find(path).sha256
