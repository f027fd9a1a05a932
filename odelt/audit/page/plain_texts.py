"""Texts for the page, without control characters and of a limited length; and lists that hold each value once."""

import json
from collections.abc import Mapping
from typing import Any

from odelt.audit.folder import Folder
from odelt.quoting import printable

LARGEST_FILE = 2**22  # bytes; the page shows no table from a larger file
LONGEST_VALUE = 300  # letters of a parameter's value


def read_text(folder: Folder, name: str) -> str:
    """Reads a file of the folder. The text is empty if the file is missing, unreadable or too large."""
    path = folder.root / name
    try:
        if folder.is_file(name) and path.stat().st_size <= LARGEST_FILE:
            return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        pass
    return ""


def dotted_pairs(parameters: Mapping[str, Any]) -> list[list[str]]:
    """Flattens nested parameters to pairs of a dotted name and the value's JSON, in their order, without "out"."""
    pairs = []
    waiting: list[tuple[str, Any]] = list(parameters.items())[::-1]
    while waiting:
        name, value = waiting.pop()
        if isinstance(value, Mapping) and value:
            waiting += [(f"{name}.{key}", inner) for key, inner in list(value.items())[::-1]]
        elif name != "out":
            pairs.append([printable(name), printable(_value_text(value))])
    return pairs


def printable_values(values: Mapping[str, Any]) -> dict[str, str]:
    return {name: "" if value is None else printable(str(value)) for name, value in values.items()}


def _value_text(value: Any) -> str:
    try:
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    except RecursionError:
        text = "nested too deeply to be shown"
    return text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 1]}…"


class Interned:
    """A list of distinct values. Others refer to a value by its index."""

    def __init__(self) -> None:
        self.values: list[Any] = []
        self._indices: dict[str, int] = {}

    def index(self, value: Any) -> int:
        """Returns the index of a value, and adds the value if it is new."""
        index = self._indices.setdefault(json.dumps(value), len(self.values))
        if index == len(self.values):
            self.values.append(value)
        return index
