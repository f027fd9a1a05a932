"""Compares a record's parameters with those with which the suite would make the output today."""

import dataclasses
import os
import pathlib
from collections.abc import Iterator, Mapping
from typing import Any

from odelt.config import Suite
from odelt.layout.targets import Target, UnknownTarget
from odelt.provenance.record import Record
from odelt.quoting import printable, quoted
from odelt.verbs import verb_named

LEFT_OVER = "is left over: the suite's configuration (suite.yaml) asks for no such output; remove it and its record"
LONGEST = 60  # characters of a value in a message


@dataclasses.dataclass(frozen=True)
class Differences:
    """Where a record's parameters are not the suite's; true if they differ anywhere."""

    parameters: tuple[str, ...] = ()  # a description of each parameter that differs
    left_over: bool = False  # the suite asks for no such output

    def __bool__(self) -> bool:
        return self.left_over or bool(self.parameters)

    def lines(self, prefix: str) -> Iterator[str]:
        """Yields a line for each difference; `prefix` begins that of a parameter."""
        if self.left_over:
            yield LEFT_OVER
        yield from (f"{prefix}: {words}" for words in self.parameters)


def differences(suite: Suite, record: Record) -> Differences:
    """Compares a record's parameters with the suite's. A verb that no suite uses has no differences."""
    if verb_named(record.verb).of_study:
        return Differences()
    return _compared(Target(suite, record.suite, record.output.path), record)


def differences_of_study(record: Record) -> list[str]:
    """Describes the same for a record in the latency study's folder. Only the study's own verbs write there."""
    if not verb_named(record.verb).of_study:
        return [f"no latency study makes it ({quoted(record.verb)})"]
    if not _compared(Target(None, record.suite, record.output.path), record):
        return []
    return [f"was made with other parameters: those of another file than {printable(record.output.path)}"]


def is_external_name(name: str, path: str) -> bool:
    """Whether `name` may be a record's name for a path of the configuration. It must be the end of that path."""
    parts, wanted = pathlib.PurePosixPath(os.path.normpath(path)).parts, pathlib.PurePosixPath(name).parts
    return bool(wanted) and parts[-len(wanted) :] == wanted


def difference(name: str, given: Any, expected: Any, by: str = "in the configuration") -> str | None:
    """Describes the first difference between two plain values; None if they agree. `by` says who expects the second."""
    if isinstance(given, Mapping) and isinstance(expected, Mapping):
        for key in sorted(map(str, given.keys() | expected.keys())):
            if words := difference(f"{name}.{key}", given.get(key), expected.get(key), by):
                return words
        return None
    if given == expected:
        return None
    is_now, should_be = (printable(value, LONGEST) for value in (given, expected))
    return f"{printable(name)} is {is_now}, and {should_be} {by}"


def _compared(target: Target, record: Record) -> Differences:
    try:
        expected, given = verb_named(record.verb).expected(target, record.parameters, record.code.version)
    except UnknownTarget:
        return Differences(left_over=True)
    compared = (difference(name, given[name], expected[name]) for name in expected)
    return Differences(tuple(words for words in compared if words))
