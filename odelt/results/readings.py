"""In which ways the abstracts' claims can be understood: which pairs of our cells and SM's each reading admits."""

import dataclasses
from collections.abc import Callable, Sequence

from odelt.results.rows import Row, steps
from odelt.results.verdicts import NOT_RUN, TOLERANCE

Pair = tuple[Row, Row]  # ours and SM's: cells of `seeds.over_seeds`


@dataclasses.dataclass(frozen=True)
class Reading:
    """One way to understand a claim: what is compared, in words, and its pairs."""

    name: str
    words: str
    pairs: Callable[[Sequence[Row], Sequence[Row]], list[Pair]]  # of ours and SM's cells of one experiment
    admits: Callable[[Pair], bool] = lambda pair: True  # whether a pair that was run counts


def _is_no_worse(pair: Pair) -> bool:
    return pair[0]["frechet_distance"] <= pair[1]["frechet_distance"] * (1 + TOLERANCE)


def _same_steps(ours: Sequence[Row], sm: Sequence[Row]) -> list[Pair]:
    """Pairs at the same T of Euler's method, guidance and weights."""
    same = ("solver", "guidance", "weights")
    return [
        (one, other)
        for one in ours
        for other in sm
        if steps(one) is not None and all(one[column] == other[column] for column in same)
    ]


def _fewest_steps(ours: Sequence[Row], sm: Sequence[Row]) -> list[Pair]:
    """Those of `_same_steps` with the fewest steps and the fewest blocks."""
    pairs = _same_steps(ours, sm)
    least = min(((steps(one), one["effective_blocks"]) for one, _ in pairs), default=None)
    return [(one, other) for one, other in pairs if (steps(one), one["effective_blocks"]) == least]


def _fewest_blocks(ours: Sequence[Row], sm: Sequence[Row]) -> list[Pair]:
    """Those of `_same_steps` with the fewest blocks."""
    pairs = _same_steps(ours, sm)
    least = min((one["effective_blocks"] for one, _ in pairs), default=None)
    return [(one, other) for one, other in pairs if one["effective_blocks"] == least]


def _most_steps(ours: Sequence[Row], sm: Sequence[Row]) -> list[Pair]:
    """Those of `_same_steps` with the most steps."""
    pairs = _same_steps(ours, sm)
    most = max((T for one, _ in pairs if (T := steps(one)) is not None), default=None)
    return [(one, other) for one, other in pairs if steps(one) == most]


def _best_of_each(ours: Sequence[Row], sm: Sequence[Row]) -> list[Pair]:
    """Every cell of ours against SM's best cell with the same weights, whatever the solver and guidance of either.

    Where a cell of SM is not run its best is not known, and the pair is with that cell.
    """
    pairs = []
    for weights in ("ema", "raw"):
        candidates = [cell for cell in sm if cell["weights"] == weights]
        if not candidates:
            continue
        missing = [cell for cell in candidates if cell["frechet_distance"] == NOT_RUN]
        best = missing[0] if missing else min(candidates, key=lambda cell: cell["frechet_distance"])
        pairs += [(one, best) for one in ours if one["weights"] == weights]
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
