"""The value `Length`: how many blocks act, as texts, file names and tables have it."""

import dataclasses

from odelt.errors import OdeltError
from odelt.quoting import quoted

FULL = "full"


@dataclasses.dataclass(frozen=True)
class Length:
    """A nominal number of active blocks (SPEC 3); None is the conventional path through all of them."""

    blocks: int | None

    @classmethod
    def parse(cls, text: str) -> "Length":
        """Reads "full" or a number from 1 on.

        Raises:
            OdeltError: it is no length.
        """
        if text == FULL:
            return cls(None)
        if not (text.isdecimal() and len(text) < 8 and int(text)):
            raise OdeltError(f"length {quoted(text)}: a number of blocks from 1 on, or '{FULL}', the conventional path")
        return cls(int(text))

    def __str__(self) -> str:
        """The text of options."""
        return str(self.cell)

    @property
    def cell(self) -> int | str:
        """The value in tables and in JSON files."""
        return FULL if self.blocks is None else self.blocks

    @property
    def name(self) -> str:
        """The part of a path."""
        return FULL if self.blocks is None else f"l{self.blocks}"
