"""A row of the tables."""

from typing import Any

from odelt.results.chance import at_chance
from odelt.results.verdicts import NOT_RUN


class Row(dict[str, Any]):
    """A row of the tables by column, with what a caption says of it (None where it was not run).

    Times are in seconds per batch, memory in bytes, agreement in 0..1; a cell that no file fills is NOT_RUN. `score` is
    the path of the row's score file below the experiment's folder, empty where there is none.
    """

    samples: int | None = None
    batch_size: int | None = None
    device: str | None = None
    classes: int | None = None

    @property
    def at_chance(self) -> bool:
        """Whether there is an agreement, and it is no better than a guess's."""
        return at_chance(self.get("agreement", NOT_RUN), self.samples, self.classes)
