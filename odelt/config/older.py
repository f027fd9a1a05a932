"""Configuration of older versions: a key that a version did not have counts as the value that it used."""

import dataclasses
import types
import typing
from collections.abc import Mapping
from typing import Annotated, Any

from odelt.config.parsing import Section

FIRST = "0.1.0"  # records of this version do not name it


@dataclasses.dataclass(frozen=True)
class Since:
    """Marks a field that came with `version`: `Annotated[int, Since("0.3.0", before=7)] = 3`.

    Older versions used the value `before`.
    """

    version: str
    before: Any


def completed(kind: Any, raw: Any, version: str | None) -> Any:
    """Adds the keys that `version` did not have yet to plain data of a section, or of sections in a mapping or list."""
    kind = _chosen(kind, raw)
    if isinstance(kind, type) and issubclass(kind, Section):
        return _completed_section(kind, raw, version) if isinstance(raw, Mapping) else raw
    arguments = typing.get_args(kind)
    if arguments and isinstance(raw, Mapping):
        return {key: completed(arguments[-1], value, version) for key, value in raw.items()}
    if arguments and isinstance(raw, list):
        return [completed(arguments[0], value, version) for value in raw]
    return raw


def _completed_section(kind: type[Section], raw: Mapping, version: str | None) -> dict:
    content = dict(raw)
    for name, field in kind.model_fields.items():
        if name in content:
            content[name] = completed(field.annotation, content[name], version)
            continue
        for mark in field.metadata:
            if isinstance(mark, Since) and _number(version or FIRST) < _number(mark.version):
                content[name] = mark.before
    return content


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdecimal())


def _chosen(kind: Any, raw: Any) -> Any:
    """A kind without its annotations and, of a union, the section that has most of the keys."""
    if typing.get_origin(kind) is Annotated:
        return _chosen(typing.get_args(kind)[0], raw)
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        kinds = [_chosen(argument, raw) for argument in typing.get_args(kind) if argument is not type(None)]
        sections = [section for section in kinds if isinstance(section, type) and issubclass(section, Section)]
        keys = raw.keys() if isinstance(raw, Mapping) else set()
        return max(sections, key=lambda section: len(keys & section.model_fields.keys()), default=kind)
    return kind
