"""From plain data to typed records: an unknown key is an error that names the nearest known one."""

import difflib
import os
import pathlib
import types
import typing
from typing import Annotated, Literal

import pydantic

from odelt import plain_data, trace
from odelt.errors import OdeltError
from odelt.quoting import LONGEST_NAME, printable, quoted


class Section(pydantic.BaseModel):
    """A frozen record that refuses unknown keys and values of another type."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def check_gpus(gpus: int, sharding: str) -> None:
    """Raises ValueError unless several GPUs have something to share, and what is shared has several GPUs."""
    if gpus > 1 and sharding == "none":
        raise ValueError(f"gpus: {gpus} GPUs share nothing with sharding 'none'; set sharding: data")
    if gpus == 1 and sharding != "none":
        raise ValueError(f"sharding: '{sharding}' needs more than one GPU; say how many, such as gpus: 8")


S = typing.TypeVar("S", bound=Section)


Positive = Annotated[int, pydantic.Field(ge=1)]
NotNegative = Annotated[int, pydantic.Field(ge=0)]
Share = Annotated[float, pydantic.Field(ge=0, le=1)]
Dtype = Literal["float32", "bfloat16"]
Precision = Literal["float32", "tf32", "bfloat16"]  # of the networks of pictures; see `odelt.vision`
LONGEST_PART = 255  # bytes of a file's name, on the filesystems that there are


def file_name(text: str) -> str:
    """Returns the text if it may name a file or a folder. Raises ValueError if no filesystem allows such a name."""
    if "\0" in text or any(len(os.fsencode(part)) > LONGEST_PART for part in pathlib.PurePath(text).parts):
        reason = f"a part of it is longer than {LONGEST_PART} bytes, or it holds a zero byte; choose another name"
        raise ValueError(f"{quoted(text)} cannot name a file: {reason}")
    return text


FileName = Annotated[str, pydantic.AfterValidator(file_name)]
Name = Annotated[str, pydantic.Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]


def nearest(word: str | int, known: typing.Iterable[str]) -> str:
    """Returns "; did you mean 'x'?" for the closest known word, or an empty string."""
    close = difflib.get_close_matches(str(word), list(known), n=1, cutoff=0.5)
    return f"; did you mean '{close[0]}'?" if close else ""


def entry_of(kind: type, table: typing.Mapping[str, object]) -> tuple:
    """Returns the annotations of a field whose value is an entry of a table, a `kind`, and is written as its name."""

    def look_up(value: object) -> object:
        if isinstance(value, kind):
            return value
        if not isinstance(value, str) or value not in table:
            hint = nearest(value, table) if isinstance(value, str) else ""
            raise ValueError(f"{quoted(value)} is none of {', '.join(table)}{hint}")
        return table[value]

    names = pydantic.WithJsonSchema({"enum": list(table), "type": "string"})
    return pydantic.BeforeValidator(look_up), pydantic.PlainSerializer(lambda entry: entry.name, return_type=str), names


def parse(kind: type[S], raw: object, where: str) -> S:
    """Makes a `kind` from plain data.

    Raises:
        OdeltError: the data is not valid. The line names the wrong key and what is allowed there.
    """
    try:
        return kind.model_validate(raw)
    except OdeltError as error:
        raise OdeltError(f"{where}: {error}") from None
    except pydantic.ValidationError as error:
        # A misspelt key is also a missing key. The message about the spelling helps more.
        first = min(error.errors(), key=lambda problem: problem["type"] != "extra_forbidden")
        # The names of sections that were tried begin with a capital; keys do not.
        steps = [str(step) for step in first["loc"] if not str(step)[:1].isupper() and step != "[key]"]
        key = printable(".".join(steps), LONGEST_NAME)
        if first["type"] == "extra_forbidden":
            known = _keys_at(kind, first["loc"][:-1])
            raise OdeltError(f"{where}: unknown key '{key}'{nearest(first['loc'][-1], known)}") from None
        message = first["msg"].removeprefix("Value error, ")
        if first["loc"][-1:] == ("[key]",):
            key = printable(".".join(map(str, first["loc"][:-1])), LONGEST_NAME)
            message = "a name has small letters, digits and hyphens only"
        if first["type"] == "model_type":
            message = f"a block of keys is needed here, not {quoted(first['input'])}"
        raise OdeltError(f"{where}: {key + ': ' if key else ''}{message[0].lower() + message[1:]}") from None


def parse_json(kind: type[S], text: str, where: str) -> S:
    """Does the same as `parse` for JSON text or, if the text is a file's name, for that YAML or JSON file."""
    if text.lstrip().startswith("{"):
        return parse(kind, plain_data.parse_json(text, where), where)
    if not os.path.exists(text):
        raise OdeltError(f"{where}: {quoted(text)} is neither JSON nor a file that is there; give one of them")
    trace.used(text)
    return parse(kind, plain_data.read_yaml(text, f"file of {where}"), where)


def _keys_at(kind: object, loc: tuple) -> list[str]:
    """Returns the keys that the section at `loc` below `kind` admits."""
    for step in loc:
        kind = _child(_plain(kind), step)
    return list(getattr(_plain(kind), "model_fields", {}))


def _plain(kind: object) -> object:
    """Returns a type without its annotations and without None."""
    if typing.get_origin(kind) is Annotated:
        return _plain(typing.get_args(kind)[0])
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        arguments = [a for a in typing.get_args(kind) if a is not type(None)]
        return _plain(arguments[0]) if len(arguments) == 1 else kind
    return kind


def _child(kind: object, step: object) -> object:
    if isinstance(kind, type) and issubclass(kind, pydantic.BaseModel):
        return kind.model_fields[str(step)].annotation
    arguments = typing.get_args(kind)
    if typing.get_origin(kind) in (typing.Union, types.UnionType):  # the step is the name of the section that was tried
        return next((a for a in map(_plain, arguments) if getattr(a, "__name__", None) == step), None)
    return arguments[-1] if arguments else kind
