"""Checks the abstracts' claims (SPEC 9.9, 11), in each reading of their words, in our grid and the published one."""

import dataclasses
from collections.abc import Iterable, Sequence

from odelt.results.abstracts import Claim
from odelt.results.published_grid import published_rows, sources
from odelt.results.readings import READINGS, GridRow, Pair, Reading
from odelt.results.references import References
from odelt.results.row import Row, over_seeds
from odelt.results.verdicts import NOT_RUN, TOLERANCE

SUPPORTED = "supported"
CONTRADICTED = "contradicted"
OURS = "ours"


@dataclasses.dataclass(frozen=True)
class Finding:
    """A claim in one reading, with one model and one baseline of a grid: the outcome and the best pair of the grid.

    `measured` is SM's latency or memory over ours, or SM's FID less ours, for the best pair; None if no pair was run.
    """

    claim: Claim
    reading: Reading
    grid: str  # ours, or the source of a published one, with the models as it calls them
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
    the claimed figure less TOLERANCE of it; one of memory, which is counted and does not scatter, if it exceeds the
    figure. It is contradicted if every pair was run and none does. Else it is not run. The same is then done with each
    published grid of the experiments of `rows`, for the claims that it has numbers for.
    """
    known = [row for row in over_seeds(rows) if row.cell.experiment in references.experiments]
    findings = []
    for claim in references.claims:
        origin = references.sources[claim.source]
        baselines = origin.models.get(origin.baseline or "", ())
        ours = [model for name, models in origin.models.items() if name != origin.baseline for model in models]
        findings += _check_grid(claim, OURS, ours, baselines, known)
    experiments = {row.cell.experiment for row in known}
    for source in sources(references):
        published = [row for row in published_rows(references, source) if row.cell.experiment in experiments]
        baseline = references.sources[source].baseline or ""
        theirs = list(dict.fromkeys(row.cell.model for row in published if row.cell.model != baseline))
        for claim in references.claims:
            checked = _check_grid(claim, source, theirs, [baseline], published)
            findings += [finding for finding in checked if finding.run]
    return findings


def _check_grid(
    claim: Claim, grid: str, models: Iterable[str], baselines: Sequence[str], rows: Sequence[GridRow]
) -> list[Finding]:
    return [
        _check(claim, reading, grid, model, baseline, rows)
        for reading in READINGS[claim.quantity]
        for model in models
        for baseline in baselines
    ]


def _check(claim: Claim, reading: Reading, grid: str, model: str, baseline: str, rows: Sequence[GridRow]) -> Finding:
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
    if measured is not None and _reaches(claim, measured):
        outcome = SUPPORTED
    else:
        outcome = CONTRADICTED if pairs and len(run) == len(pairs) else NOT_RUN
    return Finding(claim, reading, grid, model, baseline, outcome, measured, best, len(pairs), len(run))


def _reaches(claim: Claim, measured: float) -> bool:
    return measured > claim.claimed if claim.quantity == "memory" else measured >= claim.claimed * (1 - TOLERANCE)


def _figure(claim: Claim, pair: Pair) -> float | None:
    """Returns SM's latency or memory over ours, or SM's FID less ours; None if the pair was not run."""
    ours, sm = pair
    if ours.distance is None or sm.distance is None:
        return None
    if claim.quantity == "FID":
        return sm.distance - ours.distance
    numerator, denominator = (getattr(row, claim.quantity) for row in (sm, ours))
    return None if numerator is None or denominator is None else numerator / denominator
