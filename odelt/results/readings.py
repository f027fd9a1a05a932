"""The ways to understand the abstracts' claims. Each reading admits certain pairs of our cells and SM's."""

import dataclasses
from collections.abc import Callable, Sequence

from odelt.results.rows import Row, steps
from odelt.results.verdicts import NOT_RUN, TOLERANCE

Pair = tuple[Row, Row]  # ours and SM's: cells of `seeds.over_seeds`


@dataclasses.dataclass(frozen=True)
class Reading:
    """A way to understand a claim: what it compares, in words, and the pairs."""

    name: str
    words: str
    pairs: Callable[[Sequence[Row], Sequence[Row]], list[Pair]]  # of ours and SM's cells of one experiment
    admits: Callable[[Pair], bool] = lambda pair: True  # whether a pair that was run counts


def _is_no_worse(pair: Pair) -> bool:
    return pair[0]["frechet_distance"] <= pair[1]["frechet_distance"] * (1 + TOLERANCE)


def _same_steps(ours: Sequence[Row], sm: Sequence[Row]) -> list[Pair]:
    """Returns the pairs with the same T of Euler's method, guidance and weights."""
    same = ("solver", "guidance", "weights")
    return [
        (cell, baseline)
        for cell in ours
        for baseline in sm
        if steps(cell) is not None and all(cell[column] == baseline[column] for column in same)
    ]


def _fewest_steps(ours: Sequence[Row], sm: Sequence[Row]) -> list[Pair]:
    """Returns the pairs of `_same_steps` with the fewest steps and, among these, the fewest blocks."""
    pairs = _same_steps(ours, sm)
    least = min(((steps(cell), cell["effective_blocks"]) for cell, _ in pairs), default=None)
    return [(cell, baseline) for cell, baseline in pairs if (steps(cell), cell["effective_blocks"]) == least]


def _fewest_blocks(ours: Sequence[Row], sm: Sequence[Row]) -> list[Pair]:
    """Returns the pairs of `_same_steps` with the fewest blocks."""
    pairs = _same_steps(ours, sm)
    least = min((cell["effective_blocks"] for cell, _ in pairs), default=None)
    return [(cell, baseline) for cell, baseline in pairs if cell["effective_blocks"] == least]


def _most_steps(ours: Sequence[Row], sm: Sequence[Row]) -> list[Pair]:
    """Returns the pairs of `_same_steps` with the most steps."""
    pairs = _same_steps(ours, sm)
    most = max((T for cell, _ in pairs if (T := steps(cell)) is not None), default=None)
    return [(cell, baseline) for cell, baseline in pairs if steps(cell) == most]


def _best_of_each(ours: Sequence[Row], sm: Sequence[Row]) -> list[Pair]:
    """Pairs every cell of ours with SM's best cell of the same weights. Solver and guidance may differ.

    If a cell of SM was not run, the best is not known, and the pairs are with that cell.
    """
    pairs = []
    for weights in ("ema", "raw"):
        candidates = [cell for cell in sm if cell["weights"] == weights]
        if not candidates:
            continue
        missing = [cell for cell in candidates if cell["frechet_distance"] == NOT_RUN]
        best = missing[0] if missing else min(candidates, key=lambda cell: cell["frechet_distance"])
        pairs += [(cell, best) for cell in ours if cell["weights"] == weights]
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
