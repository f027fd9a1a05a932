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
from odelt.provenance.record import STUDY, SUITE, Input, Output, Record, concerns, read, record_path, root_of, write

CONFIG = pathlib.Path("config")  # of the project, in the working directory
OUTPUTS = ("out", "pictures")  # the options that say what a verb writes
NOT_PARAMETERS = (
    "verb",
    "command",
    "log",
    "timings",
    "proxy",
    "certificate",
)  # options that are no parameters of the result; a proxy may hold a password


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
        environment=environment.environment(module).model_copy(update={"precisions": traced.precisions}),
        started=started,
        ended=now(),
    )
    asked = [path.absolute() for path in _paths(arguments)]
    for path, inputs in traced.outputs.items():
        root, name = root_of(path)
        asked_for = any(path == target or target in path.parents for target in asked)
        if asked_for and concerns(path.relative_to(root)) and path.exists():
            options = parameters(arguments, root)
            fields = {"inputs": _inputs(inputs, root), "parameters": options, "seed": _seed(options)}
            write(run(output=_output(path, root), suite=_known_suite(root, name), **fields), record_path(path))


def now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def parameters(arguments: argparse.Namespace, root: pathlib.Path) -> dict[str, Any]:
    """Returns the verb's options as plain data. JSON texts are parsed, and paths are written as in records."""
    return {name: _plain(value, root) for name, value in vars(arguments).items() if name not in NOT_PARAMETERS}


def external_name(path: pathlib.Path) -> str:
    """Returns the name that a record has for a file outside of the suite's folder.

    It is the file's path in the working directory, or only its name if it is elsewhere.
    """
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
            return [_plain(item, root) for item in value]
        case dict():
            return {name: _plain(item, root) for name, item in value.items()}
        case str() if value.startswith("{"):
            return json.loads(value)
    return value


def _seed(options: Mapping[str, Any]) -> int | None:
    settings = options.get("settings")
    return options.get("seed", settings.get("seed") if isinstance(settings, dict) else None)


def _known_suite(root: pathlib.Path, name: str | None) -> str | None:
    """Returns the name if a suite or a latency study has it. It is configured here, or its copy is in the folder.

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
        content = digests.find(path)
        stamp = digests.stamp(path) if content.bytes >= digests.LARGE else None
    except OSError as error:
        raise OdeltError(f"cannot read {path}, which was just written: {error.strerror}") from None
    name = path.relative_to(root).as_posix()
    return Output(path=name, sha256=content.sha256, bytes=content.bytes, files=content.files, stamp=stamp)


def _inputs(inputs: Mapping[pathlib.Path, tuple[pathlib.Path, str]], root: pathlib.Path) -> tuple[Input, ...]:
    """Returns each input once, sorted. A folder is one input, however many of its files were read."""
    named = set()
    for path, sha256 in inputs.values():
        external = not path.is_relative_to(root)
        name = external_name(path) if external else path.relative_to(root).as_posix()
        named.add((name, sha256, external))
    return tuple(Input(path=name, sha256=sha256, external=external) for name, sha256, external in sorted(named))


def _fingerprint(path: pathlib.Path, names: Sequence[str] | None) -> tuple[pathlib.Path, str]:
    """Returns the file or the folder above it that has a record, and its sha256.

    `names` are the files of a folder that count, if not all do. A large file whose record has its present sizes and
    times is not hashed again. The audit does that.
    """
    named = (part for part in (path, *path.parents) if part.name)
    unit = next((part for part in named if record_path(part).exists()), path)
    try:
        if names is not None:
            return path, digests.of_files(path, names)
        return unit, _sha256(unit, digests.stamp(unit) if unit.exists() else "")
    except OSError as error:
        raise OdeltError(f"cannot read {error.filename or unit}: {error.strerror}") from None


@functools.cache
def _sha256(path: pathlib.Path, stamp: str) -> str:
    with contextlib.suppress(OSError, ValueError):
        known = read(record_path(path)).output
        if known.stamp == stamp:
            return known.sha256
    return digests.find(path).sha256
