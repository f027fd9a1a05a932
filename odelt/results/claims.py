"""Checks the abstracts' claims (SPEC 9.9) against our own grid, in each reading that their words allow."""

import dataclasses
from collections.abc import Iterable, Sequence

from odelt.results.readings import FID_READINGS, LATENCY_READINGS, Pair, Reading
from odelt.results.references import Claim, References
from odelt.results.row import Row, over_seeds
from odelt.results.verdicts import NOT_RUN, TOLERANCE

SUPPORTED = "supported"
CONTRADICTED = "contradicted"


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
    """Checks every claim in every reading, each of our models against each SM, as the claim's source names them.

    `rows` may be of several experiments. Both rows of a pair are of the same experiment, and only experiments that the
    paper reports on count. The claims say “up to”, so one pair is enough: a claim is supported if the best pair reaches
    the claimed figure less TOLERANCE of it. It is contradicted if every pair was run and none does. Else it is not run.
    """
    known = [row for row in over_seeds(rows) if row.cell.experiment in references.experiments]
    findings = []
    for claim in references.claims:
        origin = references.sources[claim.source]
        baselines = origin.models.get(origin.baseline or "", ())
        ours = [model for name, models in origin.models.items() if name != origin.baseline for model in models]
        for reading in LATENCY_READINGS if claim.latency_ratio else FID_READINGS:
            for model in ours:
                findings += [_check(claim, reading, model, baseline, known) for baseline in baselines]
    return findings


def _check(claim: Claim, reading: Reading, model: str, baseline: str, rows: Sequence[Row]) -> Finding:
    pairs = []
    for experiment in dict.fromkeys(row.cell.experiment for row in rows):
        ours, sm = (
            [row for row in rows if (row.cell.experiment, row.cell.model) == (experiment, name)]
            for name in (model, baseline)
        )
        pairs += reading.pairs(ours, sm)
    figures = [_figure(claim, pair) for pair in pairs]
    run = [(figure, pair) for figure, pair in zip(figures, pairs, strict=True) if figure is not None]
    admitted = [(figure, pair) for figure, pair in run if reading.admits(pair)]
    measured, best = max(admitted, key=lambda measured: measured[0], default=(None, None))
    if measured is not None and measured >= claim.claimed * (1 - TOLERANCE):
        outcome = SUPPORTED
    else:
        outcome = CONTRADICTED if pairs and len(run) == len(pairs) else NOT_RUN
    return Finding(claim, reading, model, baseline, outcome, measured, best, len(pairs), len(run))


def _figure(claim: Claim, pair: Pair) -> float | None:
    """Returns SM's latency over ours, or SM's FID less ours; None if the pair was not run."""
    ours, sm = pair
    if ours.distance is None or sm.distance is None:
        return None
    if claim.latency_ratio is None:
        return sm.distance - ours.distance
    return None if ours.latency is None or sm.latency is None else sm.latency / ours.latency
