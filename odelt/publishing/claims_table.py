"""The table of the abstracts' claims: each reading with its best pair (SPEC 9.9)."""

import pathlib
from collections.abc import Sequence
from typing import Any

from odelt.publishing import entries, text
from odelt.publishing.text import Line, Number
from odelt.results.claims import CONTRADICTED, SUPPORTED, Finding
from odelt.results.columns import milliseconds
from odelt.results.references import Claim
from odelt.results.row import Row
from odelt.results.verdicts import NOT_RUN, TOLERANCE


def write_claims(results: Sequence[Finding], out: pathlib.Path) -> None:
    """Writes `<out>.csv`, a row per finding with both cells and their score files, and `<out>.md`."""
    parts: list[str | Sequence[Line]] = ["# The abstracts' claims"]
    for claim in dict.fromkeys(finding.claim for finding in results):
        parts.append(text.plain(f"“{claim.text}” ({claim.source})"))
        parts.append(_overall([finding for finding in results if finding.claim == claim]))
    for heading, is_kind in (("Latency", _of_latency), ("FID", lambda finding: not _of_latency(finding))):
        # Claims of the same kind have the same pairs: one row with an outcome for each.
        table: dict[tuple, dict[str, str]] = {}
        pairs: dict[tuple, Line] = {}
        for finding in filter(is_kind, results):
            key = (finding.reading, finding.model, finding.baseline)
            line = table.setdefault(key, dict(zip(LEADING, (finding.reading.name, *key[1:]), strict=True)))
            line[f"up to {_figure(finding.claim)} ({finding.claim.source})"] = finding.outcome
            pairs[key] = _for_people(finding)
        if table:
            parts += [f"## {heading}", [{**line, **pairs[key]} for key, line in table.items()]]
    if not results:
        parts.append("What this suite is compared with (its key `published`) holds no claims.")
    elif not any(finding.pairs for finding in results):
        parts.append("None of the experiments that the abstracts report on has such a pair in this suite.")
    readings = dict.fromkeys(finding.reading for finding in results)
    parts.append("\n".join(f"- *{reading.name}*: {reading.words}." for reading in readings))
    parts.append(
        "Pairs are of the same experiment and the same weights (ema or raw); numbers are means over the seeds that "
        "were run; FID is to the experiment's first reference statistics. A claim is supported where the best pair "
        f"reaches the claimed figure less {TOLERANCE:.0%}, contradicted where every pair was run and none does."
    )
    text.write(out, CSV_COLUMNS, [_in_full(finding) for finding in results], *parts)


LEADING = ("reading", "model", "baseline")
SIDES = ("ours", "sm")
OF_ROW = ("length", "effective_blocks", "solver", "d", "guidance")
CSV_COLUMNS = (
    *("source", "claim", "claimed", "reading", "model", "baseline", "outcome", "measured", "pairs", "pairs_run"),
    *("experiment", "weights"),
    *(f"{side}_{name}" for side in SIDES for name in (*OF_ROW, "fid", "latency_s", "score")),
)


def _overall(findings: Sequence[Finding]) -> str:
    """ "Supported in 2 of 12 comparisons, contradicted in 4, not run: 6." """
    counts = {
        outcome: sum(finding.outcome == outcome for finding in findings)
        for outcome in (SUPPORTED, CONTRADICTED, NOT_RUN)
    }
    return (
        f"Of {len(findings)} comparisons (readings × models × baselines): {counts[SUPPORTED]} {SUPPORTED}, "
        f"{counts[CONTRADICTED]} {CONTRADICTED}, {counts[NOT_RUN]} {NOT_RUN}."
    )


def _figure(claim: Claim) -> str:
    return f"{claim.latency_ratio:g}×" if claim.latency_ratio else f"{claim.fid_points:g} points"


def _in_full(finding: Finding) -> dict[str, Any]:
    in_full = {
        "source": finding.claim.source,
        "claim": finding.claim.text,
        "claimed": finding.claim.claimed,
        "reading": finding.reading.name,
        "model": finding.model,
        "baseline": finding.baseline,
        "outcome": finding.outcome,
        "measured": entries.or_not_run(finding.measured),
        "pairs": finding.pairs,
        "pairs_run": finding.run,
    }
    for side, row in zip(SIDES, finding.best or (), strict=False):
        of_row = entries.in_full(row)
        in_full |= {"experiment": row.cell.experiment, "weights": row.cell.weights}
        in_full |= {f"{side}_{name}": of_row[name] for name in OF_ROW}
        in_full |= {f"{side}_fid": row.distance, f"{side}_latency_s": entries.or_not_run(row.latency)}
        in_full[f"{side}_score"] = entries.score_files(row)
    return in_full


def _for_people(finding: Finding) -> Line:
    run = f"{finding.run} of {finding.pairs}"
    if finding.best is None or finding.measured is None:
        return {"best": "", "where": "", "ours": "", "SM": "", "pairs run": run}
    form = "{:.2f}×" if _of_latency(finding) else "{:+.2f}"
    ours, sm = (_number(row, _of_latency(finding)) for row in finding.best)
    cell = finding.best[0].cell
    return {
        "best": Number(form.format(finding.measured), (*ours.files, *sm.files), finding.measured),
        "where": f"{cell.experiment}, {cell.weights}",
        "ours": ours,
        "SM": sm,
        "pairs run": run,
    }


def _of_latency(finding: Finding) -> bool:
    return finding.claim.latency_ratio is not None


def _number(row: Row, with_latency: bool) -> Number:
    """ "8 (8), euler:4, w = 0: FID 19.37, 271 ms (scores/odelt/…)"."""
    cell = row.cell
    where = row.length if cell.length is None else f"l = {cell.length} ({row.effective_blocks} blocks)"
    condition = "" if cell.d is None else f", d = {cell.d}"
    latency = NOT_RUN if row.latency is None else f"{milliseconds(row.latency)} ms"
    first, *others = (score.file for score in row.scores)
    score = first + (f" and those of {len(others)} more seeds" if others else "")
    shown = f"{where}, {cell.solver}{condition}, w = {cell.guidance:g}: FID {row.distance:.2f}, {latency}, {score}"
    timed = [row.timing.file] if with_latency and row.timing else []
    return Number(shown, entries.of_suite(row, (first, *others, *timed)), None)
