"""The table of the abstracts' claims: each reading with its best pair (SPEC 9.9)."""

import pathlib
from collections.abc import Sequence

from odelt.publishing import text
from odelt.results.claims import CONTRADICTED, SUPPORTED, Finding
from odelt.results.references import Claim
from odelt.results.rows import FULL, Row
from odelt.results.verdicts import NOT_RUN, TOLERANCE


def write_claims(results: Sequence[Finding], out: pathlib.Path) -> None:
    """Writes `<out>.csv`, a row per finding with both cells and their score files, and `<out>.md`."""
    text.write_csv(out, CSV_COLUMNS, [_in_full(finding) for finding in results])
    parts = ["# The abstracts' claims"]
    for claim in dict.fromkeys(finding.claim for finding in results):
        parts.append(text.plain(f"“{claim.text}” ({claim.source})"))
        parts.append(_overall([finding for finding in results if finding.claim == claim]))
    for heading, is_kind in (("Latency", _of_latency), ("FID", lambda finding: not _of_latency(finding))):
        # Claims of the same kind have the same pairs: one row with an outcome for each.
        table: dict[tuple, dict[str, str]] = {}
        pairs: dict[tuple, dict[str, str]] = {}
        for finding in filter(is_kind, results):
            key = (finding.reading, finding.model, finding.baseline)
            row = table.setdefault(key, dict(zip(LEADING, (finding.reading.name, *key[1:]), strict=True)))
            row[f"up to {_figure(finding.claim)} ({finding.claim.source})"] = finding.outcome
            pairs[key] = _for_people(finding)
        if table:
            parts += [f"## {heading}", text.markdown([row | pairs[key] for key, row in table.items()])]
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
    text.write_markdown(out, *parts)


LEADING = ("reading", "model", "baseline")


CSV_COLUMNS = (
    *("source", "claim", "claimed", "reading", "model", "baseline", "outcome", "measured", "pairs", "pairs_run"),
    *("experiment", "weights"),
    *(
        f"{side}_{column}"
        for side in ("ours", "sm")
        for column in ("length", "effective_blocks", "solver", "d", "guidance", "fid", "latency_s", "score")
    ),
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


def _in_full(finding: Finding) -> dict:
    cells = {
        "source": finding.claim.source,
        "claim": finding.claim.text,
        "claimed": finding.claim.claimed,
        "reading": finding.reading.name,
        "model": finding.model,
        "baseline": finding.baseline,
        "outcome": finding.outcome,
        "measured": NOT_RUN if finding.measured is None else finding.measured,
        "pairs": finding.pairs,
        "pairs_run": finding.run,
    }
    if finding.best is None:
        return cells
    cells |= {column: finding.best[0][column] for column in ("experiment", "weights")}
    for side, cell in zip(("ours", "sm"), finding.best, strict=True):
        kept = ("length", "effective_blocks", "solver", "d", "guidance", "latency_s", "score")
        cells |= {f"{side}_{column}": cell[column] for column in kept}
        cells[f"{side}_fid"] = cell["frechet_distance"]
    return cells


def _for_people(finding: Finding) -> dict[str, str]:
    form = "{:.2f}×" if finding.claim.latency_ratio else "{:+.2f}"
    return {
        "best": "" if finding.measured is None else form.format(finding.measured),
        "where": f"{finding.best[0]['experiment']}, {finding.best[0]['weights']}" if finding.best else "",
        "ours": _cell(finding.best[0]) if finding.best else "",
        "SM": _cell(finding.best[1]) if finding.best else "",
        "pairs run": f"{finding.run} of {finding.pairs}",
    }


def _of_latency(finding: Finding) -> bool:
    return finding.claim.latency_ratio is not None


def _cell(cell: Row) -> str:
    """ "8 (8), euler:4, w = 0: FID 19.37, 271 ms (scores/odelt/…)"."""
    where = "full" if cell["length"] == FULL else f"l = {cell['length']} ({cell['effective_blocks']} blocks)"
    condition = "" if cell["d"] is None else f", d = {cell['d']}"
    latency = NOT_RUN if cell["latency_s"] == NOT_RUN else f"{text.milliseconds(cell['latency_s'])} ms"
    first, *others = cell["score"].split()
    score = first + (f" and those of {len(others)} more seeds" if others else "")
    fid = f"FID {cell['frechet_distance']:.2f}"
    return f"{where}, {cell['solver']}{condition}, w = {cell['guidance']:g}: {fid}, {latency}, {score}"
