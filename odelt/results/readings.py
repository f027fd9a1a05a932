"""The ways to understand the abstracts' claims. Each reading admits certain pairs of our cells and SM's."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

from odelt.results.row import Row
from odelt.results.verdicts import TOLERANCE

Pair = tuple[Row, Row]  # ours and SM's: rows over seeds


def _is_no_worse(pair: Pair) -> bool:
    ours, sm = (row.distance for row in pair)
    return ours is not None and sm is not None and ours <= sm * (1 + TOLERANCE)


def _same_steps(ours: Sequence[Row], sm: Sequence[Row]) -> list[Pair]:
    """Returns the pairs with the same T of Euler's method, guidance and weights."""

    def setting(row: Row) -> tuple:
        return row.steps, row.cell.guidance, row.cell.weights

    return [(row, other) for row in ours for other in sm if row.steps and setting(row) == setting(other)]


def _best_of_each(ours: Sequence[Row], sm: Sequence[Row]) -> list[Pair]:
    """Pairs every row of ours with SM's best row of the same weights. Solver and guidance may differ.

    If a row of SM was not run, the best is not known, and the pairs are with that row.
    """
    best: dict[str, Row] = {}
    for row in sorted(sm, key=lambda row: -1 if row.distance is None else row.distance):
        best.setdefault(row.cell.weights, row)
    return [(row, best[row.cell.weights]) for row in ours if row.cell.weights in best]


@dataclasses.dataclass(frozen=True)
class Reading:
    """A way to understand a claim: what it compares, in words, and the pairs."""

    name: str
    words: str
    candidates: Callable[[Sequence[Row], Sequence[Row]], list[Pair]] = _same_steps  # of ours and SM's rows
    least: Callable[[Row], Any] = lambda row: 0  # of the candidates, the pairs whose row of ours has the least of this
    admits: Callable[[Pair], bool] = lambda pair: True  # whether a pair that was run counts

    def pairs(self, ours: Sequence[Row], sm: Sequence[Row]) -> list[Pair]:
        """Returns the pairs of ours and SM's rows of one experiment."""
        candidates = self.candidates(ours, sm)
        least = min((self.least(row) for row, _ in candidates), default=None)
        return [pair for pair in candidates if self.least(pair[0]) == least]


LATENCY_READINGS = (
    Reading(
        "same T, FID kept",
        "SM's latency over ours at the same T and guidance, at any length whose FID is not worse than SM's by more "
        f"than {TOLERANCE:.0%}",
        admits=_is_no_worse,
    ),
    Reading(
        "fewest blocks",
        "SM's latency over ours at the same T and guidance, at the shortest length, whatever its FID",
        least=lambda row: row.effective_blocks,
    ),
    Reading(
        "fewest steps and blocks",
        "SM's latency over ours at the smallest T of the grid and the shortest length, whatever its FID",
        least=lambda row: (row.steps, row.effective_blocks),
    ),
)
FID_READINGS = (
    Reading(
        "most steps",
        "SM's FID less ours at the largest T that both have, at the same guidance and any length",
        least=lambda row: -(row.steps or 0),
    ),
    Reading(
        "best of each",
        "SM's lowest FID over all its solvers and guidances less our lowest, adaptive solvers included",
        _best_of_each,
    ),
)
