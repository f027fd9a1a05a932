"""The ways to understand the abstracts' claims. Each reading admits certain pairs of our cells and SM's."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

from odelt.results.row import Row
from odelt.results.verdicts import TOLERANCE

Pair = tuple[Row, Row]  # ours and SM's: rows over seeds


@dataclasses.dataclass(frozen=True)
class Reading:
    """A way to understand a claim: what it compares, in words, and the pairs."""

    name: str
    words: str
    pairs: Callable[[Sequence[Row], Sequence[Row]], list[Pair]]  # of ours and SM's rows of one experiment
    admits: Callable[[Pair], bool] = lambda pair: True  # whether a pair that was run counts


def _is_no_worse(pair: Pair) -> bool:
    ours, sm = (row.distance for row in pair)
    return ours is not None and sm is not None and ours <= sm * (1 + TOLERANCE)


def _same_steps(ours: Sequence[Row], sm: Sequence[Row]) -> list[Pair]:
    """Returns the pairs with the same T of Euler's method, guidance and weights."""

    def setting(row: Row) -> tuple:
        return row.cell.solver, row.cell.guidance, row.cell.weights

    return [
        (row, baseline)
        for row in ours
        for baseline in sm
        if row.steps is not None and setting(row) == setting(baseline)
    ]


def _fewest_steps(ours: Sequence[Row], sm: Sequence[Row]) -> list[Pair]:
    """Returns the pairs of `_same_steps` with the fewest steps and, among these, the fewest blocks."""
    return _least(_same_steps(ours, sm), lambda row: (row.steps, row.effective_blocks))


def _fewest_blocks(ours: Sequence[Row], sm: Sequence[Row]) -> list[Pair]:
    """Returns the pairs of `_same_steps` with the fewest blocks."""
    return _least(_same_steps(ours, sm), lambda row: row.effective_blocks)


def _most_steps(ours: Sequence[Row], sm: Sequence[Row]) -> list[Pair]:
    """Returns the pairs of `_same_steps` with the most steps."""
    return _least(_same_steps(ours, sm), lambda row: -(row.steps or 0))


def _least(pairs: list[Pair], key: Callable[[Row], Any]) -> list[Pair]:
    """Returns the pairs of which our row's key is the least."""
    least = min((key(row) for row, _ in pairs), default=None)
    return [pair for pair in pairs if key(pair[0]) == least]


def _best_of_each(ours: Sequence[Row], sm: Sequence[Row]) -> list[Pair]:
    """Pairs every row of ours with SM's best row of the same weights. Solver and guidance may differ.

    If a row of SM was not run, the best is not known, and the pairs are with that row.
    """
    pairs = []
    for weights in ("ema", "raw"):
        candidates = [(row.distance, row) for row in sm if row.cell.weights == weights]
        if candidates:
            missing = [row for distance, row in candidates if distance is None]
            best = missing[0] if missing else min(candidates, key=lambda candidate: candidate[0] or 0)[1]
            pairs += [(row, best) for row in ours if row.cell.weights == weights]
    return pairs


LATENCY_READINGS = (
    Reading(
        "same T, FID kept",
        "SM's latency over ours at the same T and guidance, at any length whose FID is not worse than SM's by more "
        f"than {TOLERANCE:.0%}",
        _same_steps,
        _is_no_worse,
    ),
    Reading(
        "fewest blocks",
        "SM's latency over ours at the same T and guidance, at the shortest length, whatever its FID",
        _fewest_blocks,
    ),
    Reading(
        "fewest steps and blocks",
        "SM's latency over ours at the smallest T of the grid and the shortest length, whatever its FID",
        _fewest_steps,
    ),
)
FID_READINGS = (
    Reading(
        "most steps",
        "SM's FID less ours at the largest T that both have, at the same guidance and any length",
        _most_steps,
    ),
    Reading(
        "best of each",
        "SM's lowest FID over all its solvers and guidances less our lowest, adaptive solvers included",
        _best_of_each,
    ),
)
