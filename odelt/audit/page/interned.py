"""Lists that hold each value once."""

import json
from typing import Any


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
