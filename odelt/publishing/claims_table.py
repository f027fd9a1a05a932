"""The table of the abstracts' claims: each reading with the best pair of our grid and the published one (SPEC 11)."""

import pathlib
from collections.abc import Sequence
from typing import Any

from odelt.config import Length
from odelt.layout import paths
from odelt.publishing import entries, text
from odelt.publishing.text import Line, Number
from odelt.results import comparisons
from odelt.results.abstracts import Claim
from odelt.results.claims import CONTRADICTED, OURS, SUPPORTED, Finding
from odelt.results.columns import FRECHET, MEMORY, milliseconds
from odelt.results.readings import COMPARED, GridRow
from odelt.results.row import Row
from odelt.results.verdicts import NOT_RUN, TOLERANCE


def write_claims(results: Sequence[Finding], out: pathlib.Path) -> None:
    """Writes `<out>.csv`, a row per finding with both cells and their score files, and `<out>.md`."""
    parts: list[str | Sequence[Line]] = ["# The abstracts' claims"]
    parts.append([_overall(claim, results) for claim in dict.fromkeys(finding.claim for finding in results)])
    parts.append("Counted are comparisons: each reading of a claim, with each of our models and each SM.")
    for grid in dict.fromkeys(finding.grid for finding in results):
        of_grid = [finding for finding in results if finding.grid == grid]
        parts.append("## Our grid" if grid == OURS else f"## The published grid ({grid})")
        if grid != OURS:
            parts.append(f"Checked in the same way, with the source's own names. {comparisons.PUBLISHED_LATENCIES}")
        parts += _tables(of_grid)
        if not any(finding.pairs for finding in of_grid):
            parts.append("None of the experiments that the abstracts report on has such a pair in this suite.")
    readings = dict.fromkeys(finding.reading for finding in results)
    parts.append("\n".join(f"- *{reading.name}*: {reading.words}." for reading in readings))
    parts.append(
        "Pairs are of the same experiment and the same weights (ema or raw); numbers are means over the seeds that "
        "were run; FID is to the experiment's first reference statistics. A claim is supported where the best pair "
        f"reaches the claimed figure less {TOLERANCE:.0%} (one of memory: where SM's is the larger), contradicted "
        "where every pair was run and none does."
    )
    ours = [row for finding in results for row in finding.best or () if isinstance(row, Row)]
    parts.append(entries.uncertainty_caption(ours))
    text.write(out, CSV_COLUMNS, [_in_full(finding) for finding in results], *parts)


LEADING = ("reading", "model", "baseline")
SIDES = ("ours", "sm")
OF_ROW = ("length", "effective_blocks", "solver", "d", "guidance")
CSV_COLUMNS = (
    *(
        "source",
        "claim",
        "claimed",
        "reading",
        "grid",
        "model",
        "baseline",
        "outcome",
        "measured",
        "pairs",
        "pairs_run",
    ),
    *("experiment", "weights"),
    *(f"{side}_{name}" for side in SIDES for name in (*OF_ROW, "fid", "latency_s", "peak_bytes", "score")),
)


def _tables(findings: Sequence[Finding]) -> list[str | Sequence[Line]]:
    """A heading and a table for each quantity. Its claims share pairs: a line each, with an outcome of each claim."""
    parts: list[str | Sequence[Line]] = []
    for quantity, compared in COMPARED.items():
        table: dict[tuple, dict[str, str]] = {}
        pairs: dict[tuple, Line] = {}
        for finding in (each for each in findings if each.claim.quantity == quantity):
            key = (finding.reading, finding.model, finding.baseline)
            line = table.setdefault(key, dict(zip(LEADING, (finding.reading.name, *key[1:]), strict=True)))
            line[f"{_figure(finding.claim)} ({finding.claim.source})"] = finding.outcome
            pairs[key] = _for_people(finding)
        if table:
            parts += [f"### {compared}", [{**line, **pairs[key]} for key, line in table.items()]]
    return parts


def _overall(claim: Claim, results: Sequence[Finding]) -> Line:
    """A line with the outcomes of a claim: "2 supported, 4 contradicted, 6 not run"."""
    ours = [finding for finding in results if finding.claim == claim and finding.grid == OURS]
    published = [finding for finding in results if finding.claim == claim and finding.grid != OURS]
    return {
        "claim": claim.text,
        "source": claim.source,
        "our grid": _counted(ours),
        "the published grid": _counted(published) if published else "has no such numbers",
    }


def _counted(findings: Sequence[Finding]) -> str:
    outcomes = (SUPPORTED, CONTRADICTED, NOT_RUN)
    return ", ".join(f"{sum(finding.outcome == outcome for finding in findings)} {outcome}" for outcome in outcomes)


def _figure(claim: Claim) -> str:
    figures = {"latency": f"up to {claim.claimed:g}×", "FID": f"up to {claim.claimed:g} points"}
    return figures.get(claim.quantity, "less" if claim.claimed == 1 else f"more than {claim.claimed:g}×")


def _in_full(finding: Finding) -> dict[str, Any]:
    in_full = {
        "source": finding.claim.source,
        "claim": finding.claim.text,
        "claimed": finding.claim.claimed,
        "reading": finding.reading.name,
        "grid": finding.grid,
        "model": finding.model,
        "baseline": finding.baseline,
        "outcome": finding.outcome,
        "measured": entries.or_not_run(finding.measured),
        "pairs": finding.pairs,
        "pairs_run": finding.run,
    }
    for side, row in zip(SIDES, finding.best or (), strict=False):
        cell = row.cell
        in_full |= {"experiment": cell.experiment, "weights": cell.weights}
        of_row = (Length(cell.length).cell, row.effective_blocks or None, str(cell.solver), cell.d, cell.guidance)
        in_full |= {f"{side}_{name}": value for name, value in zip(OF_ROW, of_row, strict=True)}
        in_full |= {f"{side}_fid": row.distance, f"{side}_latency_s": entries.or_not_run(row.latency)}
        in_full[f"{side}_peak_bytes"] = row.memory
        in_full[f"{side}_score"] = entries.score_files(row) if isinstance(row, Row) else None
    return in_full


def _for_people(finding: Finding) -> Line:
    run = f"{finding.run} of {finding.pairs}"
    if finding.best is None or finding.measured is None:
        return {"best": "", "where": "", "ours": "", "SM": "", "pairs run": run}
    form = "{:+.2f}" if finding.claim.quantity == "FID" else "{:.2f}×"
    ours, sm = (_number(row, finding.claim) for row in finding.best)
    cell = finding.best[0].cell
    return {
        "best": Number(form.format(finding.measured), (*ours.files, *sm.files), finding.measured),
        "where": f"{cell.experiment}, {cell.weights}",
        "ours": ours,
        "SM": sm,
        "pairs run": run,
    }


def _number(row: GridRow, claim: Claim) -> Number:
    """ "l = 8 (8 blocks), euler:4, w = 0: FID 19.37 ± 0.08, 271 ms (scores/odelt/…)"."""
    cell = row.cell
    blocks = f" ({row.effective_blocks} blocks)" if isinstance(row, Row) else ""
    where = Length(None).cell if cell.length is None else f"l = {cell.length}{blocks}"
    condition = "" if cell.d is None else f", d = {cell.d}"
    latency = NOT_RUN if row.latency is None else f"{milliseconds(row.latency)} ms"
    uncertainty = row.uncertainty(FRECHET) if isinstance(row, Row) else None
    distance = f"{row.distance:.2f}" + ("" if uncertainty is None else f" ± {uncertainty:.2f}")
    memory = f", {MEMORY.shown(row.memory)} MiB" if claim.quantity == "memory" and row.memory else ""
    shown = f"{where}, {cell.solver}{condition}, w = {cell.guidance:g}: FID {distance}, {latency}{memory}"
    if not isinstance(row, Row):
        return Number(shown, [paths.PUBLISHED], None)
    first, *others = (score.file for score in row.scores)
    score = first + (f" and those of {len(others)} more seeds" if others else "")
    timed = [row.timing.file] if claim.quantity != "FID" and row.timing else []
    return Number(f"{shown}, {score}", entries.of_suite(row, (first, *others, *timed)), None)
