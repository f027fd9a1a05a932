"""Checks the abstracts' claims (SPEC 9.9) against our own grid, in each reading that their words allow."""

import dataclasses
from collections.abc import Iterable, Sequence

from odelt.results.readings import FID_READINGS, LATENCY_READINGS, Pair, Reading
from odelt.results.references import Claim, References
from odelt.results.rows import Row
from odelt.results.seeds import over_seeds
from odelt.results.verdicts import NOT_RUN, TOLERANCE

SUPPORTED = "supported"
CONTRADICTED = "contradicted"

OURS = ("odelt", "odelt-released")
BASELINES = ("sm", "sm-ft")


@dataclasses.dataclass(frozen=True)
class Finding:
    """A claim in one reading, with one model of ours and one baseline: the outcome and the best pair of the grid.

    `measured` is SM's latency over ours, or SM's FID less ours, for the best pair; None if no pair was run.
    """

    claim: Claim
    reading: Reading
    model: str
    baseline: str
    outcome: str
    measured: float | None
    best: Pair | None
    pairs: int  # that the grid has
    run: int  # of them


def check_claims(rows: Iterable[Row], references: References) -> list[Finding]:
    """Checks every claim in every reading, each of OURS against each of BASELINES, in the order of the references.

    `rows` may be of several experiments. Both cells of a pair are of the same experiment, and only experiments that the
    paper reports on count. The claims say “up to”, so one pair is enough: a claim is supported if the best pair reaches
    the claimed figure less TOLERANCE of it. It is contradicted if every pair was run and none does. Else it is not run.
    """
    cells = [cell for cell in over_seeds(rows) if cell["experiment"] in references.experiments]
    findings = []
    for claim in references.claims:
        for reading in LATENCY_READINGS if claim.latency_ratio else FID_READINGS:
            for model in OURS:
                findings += [_check(claim, reading, model, baseline, cells) for baseline in BASELINES]
    return findings


def _check(claim: Claim, reading: Reading, model: str, baseline: str, cells: Sequence[Row]) -> Finding:
    pairs = []
    for experiment in dict.fromkeys(cell["experiment"] for cell in cells):
        ours, sm = (
            [cell for cell in cells if (cell["experiment"], cell["model"]) == (experiment, name)]
            for name in (model, baseline)
        )
        pairs += reading.pairs(ours, sm)
    measure = _ratio if claim.latency_ratio else _points
    run = [pair for pair in pairs if _is_run(pair, with_latency=claim.latency_ratio is not None)]
    best = max(filter(reading.admits, run), key=measure, default=None)
    measured = None if best is None else measure(best)
    if measured is not None and measured >= claim.claimed * (1 - TOLERANCE):
        outcome = SUPPORTED
    else:
        outcome = CONTRADICTED if pairs and len(run) == len(pairs) else NOT_RUN
    return Finding(claim, reading, model, baseline, outcome, measured, best, len(pairs), len(run))


def _ratio(pair: Pair) -> float:
    return pair[1]["latency_s"] / pair[0]["latency_s"]


def _points(pair: Pair) -> float:
    return pair[1]["frechet_distance"] - pair[0]["frechet_distance"]


def _is_run(pair: Pair, with_latency: bool) -> bool:
    needed = ("frechet_distance", "latency_s") if with_latency else ("frechet_distance",)
    return all(cell[column] != NOT_RUN for cell in pair for column in needed)
