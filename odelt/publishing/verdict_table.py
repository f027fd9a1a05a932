"""The verdict on every published number, as a table, with the sentence that begins the report."""

import json
import pathlib
from collections.abc import Iterable, Sequence
from typing import Any

from odelt import files
from odelt.config import Length
from odelt.layout import paths
from odelt.publishing import entries, text
from odelt.publishing.text import Line, Number
from odelt.results import comparisons, verdicts
from odelt.results.columns import FRECHET
from odelt.results.comparisons import ComparedNumber, Comparison
from odelt.results.references import References
from odelt.results.row import Row, over_seeds
from odelt.results.verdicts import NOT_COMPARABLE, NOT_RUN

OF_NUMBER = (
    *("number", "source", "kind", "experiment", "published_model", "published_length", "solver", "printed"),
    *("published", "published_std", "published_statistics", "published_ambiguous", "outcome"),
)
OF_ROW = ("model", "label", "weights", "length", "effective_blocks", "d", "guidance")
OF_COMPARISON = ("ours", "ours_std", "ours_se", "difference", "verdict", "score", "latency")


def write_verdicts(rows: Iterable[Row], references: References, out: pathlib.Path) -> None:
    """Writes `<out>.csv`, `<out>.md` and `<out>.json` for the rows of all experiments.

    The CSV has a row for each published number and each row of ours that it is compared with. A number without one in
    the grid has a row, too. `number` counts the numbers, `outcome` is the number's, and `score` and `latency` name our
    files below the experiment's folder. The JSON has the summary, the rule and the titles of the sources.
    """
    ours = over_seeds(rows)
    all_compared = [*comparisons.compare_fids(ours, references), *comparisons.compare_latencies(ours, references)]
    in_full = [line for k, compared in enumerate(all_compared, start=1) for line in _in_full(k, compared)]
    summary = verdicts.summary([compared.outcome for compared in all_compared], references.what)
    # The verdicts have their own key, because the report reads the file as configuration.
    content = {"verdicts": {"summary": summary, "rule": f"{verdicts.rule()}.", "against": references.title}}
    files.write_text(text.suffixed(out, ".json"), json.dumps(content, indent=2, ensure_ascii=False) + "\n")
    parts = ("# Verdicts", summary, _caption(all_compared, references), *_sections(all_compared, references))
    text.write(out, [*OF_NUMBER, *OF_ROW, "seeds", *OF_COMPARISON], in_full, *parts)


def _in_full(k: int, compared: ComparedNumber) -> list[dict[str, Any]]:
    """Returns the CSV's rows of a published number."""
    number = compared.number
    of_number = {
        "number": k,
        "source": number.source,
        "kind": "relative_latency" if compared.of_latency else FRECHET.name,
        "experiment": number.experiment,
        "published_model": number.model,
        "published_length": Length(number.length).cell,
        "solver": str(number.solver),
        "printed": number.printed,
        "published": number.value,
        "published_std": number.deviation,
        "published_statistics": number.statistics,
        "published_ambiguous": "yes" if number.ambiguous else None,
        "outcome": compared.outcome,
    }
    return [of_number | _compared_in_full(compared, each) for each in compared.comparisons] or [of_number]


def _compared_in_full(compared: ComparedNumber, comparison: Comparison) -> dict[str, Any]:
    of_row = entries.in_full(comparison.row)
    return {
        **{name: of_row[name] for name in OF_ROW},
        "seeds": entries.seeds(comparison.row),
        "ours": entries.or_not_run(comparison.ours),
        "ours_std": comparison.deviation,
        "ours_se": comparison.error,
        "difference": comparison.difference,
        "verdict": comparison.verdict,
        "latency" if compared.of_latency else "score": " ".join(comparison.files),
    }


def _sections(all_compared: Sequence[ComparedNumber], references: References) -> list[str | Sequence[Line]]:
    """Returns a heading and a table for each experiment and kind of number. A common source is named above a table."""
    sections: dict[tuple[str, str], list[ComparedNumber]] = {}
    for compared in all_compared:
        kind = "relative latency" if compared.of_latency else FRECHET.heading
        sections.setdefault((compared.number.experiment, kind), []).append(compared)
    parts: list[str | Sequence[Line]] = []
    for (experiment, kind), own in sections.items():
        table = [line for compared in own for line in _for_people(compared)]
        parts.append(f"## {experiment}: {kind}")
        if len({compared.number.source for compared in own}) == 1:
            parts.append(f"Source: {text.plain(references.sources[own[0].number.source].title)}.")
            table = [{heading: cell for heading, cell in line.items() if heading != "source"} for line in table]
        parts.append(table)
    return parts


def _for_people(compared: ComparedNumber) -> list[Line]:
    """Returns a number's lines. Only the first line has what concerns the number, and not a comparison."""
    number = compared.number
    length = "full" if number.length is None else f"l = {number.length}"
    form = "{:.2f}×" if compared.of_latency else "{:.2f}"
    value = f"{number.printed:.3g} s" if number.value is None else form.format(number.value)
    difference = compared.comparisons[0].difference if len(compared.comparisons) == 1 else None
    known = entries.published_number(number, "", difference, compared.outcome)
    of_number = {
        "source": number.source,
        "its model": f"{number.model}, {length}",
        "solver": str(number.solver),
        "published": Number(entries.published_text(value, number), [paths.PUBLISHED], number.value, known),
        "outcome": compared.outcome,
    }
    lines = [_compared_for_people(each, form) for each in compared.comparisons] or [dict.fromkeys(PEOPLE, "")]
    return [(of_number if k == 0 else dict.fromkeys(of_number, "")) | line for k, line in enumerate(lines)]


PEOPLE = ("compared with", "ours", "difference", "verdict")


def _compared_for_people(comparison: Comparison, form: str) -> dict[str, str | Number]:
    row, cell = comparison.row, comparison.row.cell
    condition = "" if cell.d is None else f", d = {cell.d}"
    where = f"{row.label}, {cell.weights}{condition}, w = {cell.guidance:g}"
    uncertainty = "" if comparison.uncertainty is None else f" ± {comparison.uncertainty:.2g}"

    def number(shown: str, value: float) -> Number:
        return Number(shown, entries.of_suite(row, comparison.files), value, entries.published([comparison]))

    ours, difference = comparison.ours, comparison.difference
    shown = NOT_RUN if ours is None else number(form.format(ours) + uncertainty, ours)
    apart = "" if difference is None else number(f"{difference:+.2f}", difference)
    return dict(zip(PEOPLE, (where, shown, apart, comparison.verdict), strict=True))


def _caption(all_compared: Sequence[ComparedNumber], references: References) -> str:
    if not all_compared:
        return f"Of the experiments of this suite there are no {references.what}."
    parts = [
        *entries.earlier_runs(references),
        f"{verdicts.rule()}; smaller is better. A number counts once, with every model "
        "and weights that it may mean; ours is the mean over the seeds that were run.",
        entries.uncertainty_caption([each.row for compared in all_compared for each in compared.comparisons]),
    ]
    if any(compared.number.ambiguous for compared in all_compared):
        parts.append("“?”: the source does not say whether its SM is the released or the fine-tuned one.")
    if any(compared.of_latency for compared in all_compared):
        parts.append(
            "Relative latency: to that of the source's own SM, and ours to that of our first SM, with the same solver. "
            f"{comparisons.PUBLISHED_LATENCIES}"
        )
    if any(compared.outcome == NOT_COMPARABLE for compared in all_compared):
        parts.append(
            f"“{NOT_COMPARABLE[0].upper()}{NOT_COMPARABLE[1:]}” are SM's own latencies, which the others are relative "
            "to, and those with a solver that SM was not timed with: seconds on another machine do not compare."
        )
    if any(group.unattributed_mean_min_max for group in references.fid):
        parts.append("Published numbers that name no experiment are not here.")
    parts += entries.notes([compared.number for compared in all_compared], references)
    return " ".join(part for part in parts if part)
