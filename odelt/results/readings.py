"""The ways to understand the abstracts' claims. Each reading admits certain pairs of cells, of ours and SM's."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from odelt.results.abstracts import Quantity
from odelt.results.row import Cell
from odelt.results.verdicts import TOLERANCE


class GridRow(Protocol):
    """What readings compare: a row of our grid, over seeds, or of a published one. What is not known is None."""

    @property
    def cell(self) -> Cell: ...

    @property
    def distance(self) -> float | None: ...

    @property
    def latency(self) -> float | None: ...

    @property
    def memory(self) -> int | None: ...

    @property
    def steps(self) -> int | None: ...

    @property
    def effective_blocks(self) -> int: ...


Pair = tuple[GridRow, GridRow]  # ours and SM's


def _is_no_worse(pair: Pair) -> bool:
    ours, sm = (row.distance for row in pair)
    return ours is not None and sm is not None and ours <= sm * (1 + TOLERANCE)


def _same_steps(ours: Sequence[GridRow], sm: Sequence[GridRow]) -> list[Pair]:
    """Returns the pairs with the same T of Euler's method, guidance and weights."""

    def setting(row: GridRow) -> tuple:
        return row.steps, row.cell.guidance, row.cell.weights

    return [(row, other) for row in ours for other in sm if row.steps and setting(row) == setting(other)]


def _best_of_each(ours: Sequence[GridRow], sm: Sequence[GridRow]) -> list[Pair]:
    """Pairs every row of ours with SM's best row of the same weights. Solver and guidance may differ.

    If a row of SM was not run, the best is not known, and the pairs are with that row.
    """
    best: dict[str, GridRow] = {}
    for row in sorted(sm, key=lambda row: -1 if row.distance is None else row.distance):
        best.setdefault(row.cell.weights, row)
    return [(row, best[row.cell.weights]) for row in ours if row.cell.weights in best]


@dataclasses.dataclass(frozen=True)
class Reading:
    """A way to understand a claim: what it compares, in words, and the pairs."""

    name: str
    words: str
    candidates: Callable[[Sequence[GridRow], Sequence[GridRow]], list[Pair]] = _same_steps  # of ours and SM's rows
    least: Callable[[GridRow], Any] = lambda row: (
        0
    )  # of the candidates, the pairs whose row of ours has the least of this
    admits: Callable[[Pair], bool] = lambda pair: True  # whether a pair that was run counts

    def pairs(self, ours: Sequence[GridRow], sm: Sequence[GridRow]) -> list[Pair]:
        """Returns the pairs of ours and SM's rows of one experiment."""
        candidates = self.candidates(ours, sm)
        least = min((self.least(row) for row, _ in candidates), default=None)
        return [pair for pair in candidates if self.least(pair[0]) == least]


FID_KEPT = Reading(
    "same T, FID kept",
    f"at the same T and guidance, at any length whose FID is not worse than SM's by more than {TOLERANCE:.0%}",
    admits=_is_no_worse,
)
FEWEST_BLOCKS = Reading(
    "fewest blocks",
    "at the same T and guidance, at the shortest length, whatever its FID",
    least=lambda row: row.effective_blocks,
)
FEWEST_STEPS = Reading(
    "fewest steps and blocks",
    "at the smallest T of the grid and the shortest length, whatever its FID",
    least=lambda row: (row.steps, row.effective_blocks),
)
MOST_STEPS = Reading(
    "most steps",
    "at the largest T that both have, at the same guidance and any length",
    least=lambda row: -(row.steps or 0),
)
BEST = Reading(
    "best of each", "SM's lowest over all its solvers and guidances, ours too, adaptive solvers included", _best_of_each
)
READINGS: Mapping[Quantity, tuple[Reading, ...]] = {
    "latency": (FID_KEPT, FEWEST_BLOCKS, FEWEST_STEPS),
    "FID": (MOST_STEPS, BEST),
    "memory": (FID_KEPT, FEWEST_BLOCKS),  # all T share one program
}
COMPARED: Mapping[Quantity, str] = {
    "latency": "SM's latency over ours",
    "FID": "SM's FID less ours",
    "memory": "SM's peak memory over ours, weights included",
}
