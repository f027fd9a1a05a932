"""The verdict on every published number, as a table, with the sentence that begins the report."""

import json
import pathlib
from collections.abc import Iterable, Sequence

from odelt import files
from odelt.config import Length
from odelt.publishing import tables, text
from odelt.publishing.text import shown
from odelt.results import comparisons, verdicts
from odelt.results.comparisons import DISTANCE, RELATIVE_LATENCY, Compared, Comparison
from odelt.results.references import References
from odelt.results.rows import Row
from odelt.results.seeds import over_seeds
from odelt.results.verdicts import NOT_COMPARABLE, NOT_RUN

OF_NUMBER = (
    *("number", "source", "kind", "experiment", "published_model", "published_length", "solver", "printed"),
    *("published", "published_std", "published_statistics", "published_ambiguous", "outcome"),
)
OF_CELL = ("model", "label", "weights", "length", "effective_blocks", "d", "guidance", "seeds")
HEADINGS = {DISTANCE: "Fréchet distance", RELATIVE_LATENCY: "relative latency"}
OF_COMPARISON = ("ours", "ours_std", "difference", "verdict", "score", "latency")


def write_verdicts(rows: Iterable[Row], references: References, out: pathlib.Path) -> None:
    """Writes `<out>.csv`, `<out>.md` and `<out>.json` for the rows of all experiments.

    The CSV has a row for each published number and each cell that it is compared with. A number without a cell in the
    grid has a row, too. `number` counts the numbers, `outcome` is the number's, and `score` and `latency` name our
    files below the experiment's folder. The JSON has the summary, the rule and the titles of the sources.
    """
    cells = over_seeds(rows)
    all_compared = [*comparisons.compare_fids(cells, references), *comparisons.compare_latencies(cells, references)]
    lines = [line for k, compared in enumerate(all_compared, start=1) for line in _lines(k, compared)]
    text.write_csv(out, [*OF_NUMBER, *OF_CELL, *OF_COMPARISON], lines)
    summary = verdicts.summary([compared.outcome for compared in all_compared], references.what)
    # The verdicts have their own key, because the report reads the file as configuration.
    content = {"verdicts": {"summary": summary, "rule": f"{verdicts.rule()}.", "against": references.title}}
    files.write_text(text.suffixed(out, ".json"), json.dumps(content, indent=2, ensure_ascii=False) + "\n")
    text.write_markdown(
        out, "# Verdicts", summary, _caption(all_compared, references), *_sections(all_compared, references)
    )


def _lines(k: int, compared: Compared) -> list[dict]:
    """Returns the CSV's rows of a published number."""
    number = compared.number
    of_number = {
        "number": k,
        "source": number.source,
        "kind": compared.kind,
        "experiment": number.experiment,
        "published_model": number.model,
        "published_length": Length(number.length).cell,
        "solver": str(number.solver),
        "printed": number.printed,
        "published": number.value,
        "published_std": number.deviation,
        "published_statistics": number.statistics if compared.kind == DISTANCE else "",
        "published_ambiguous": "yes" if number.ambiguous else "",
        "outcome": compared.outcome,
    }
    return [of_number | _in_full(compared, comparison) for comparison in compared.comparisons] or [of_number]


def _in_full(compared: Compared, comparison: Comparison) -> dict:
    difference = _difference(compared, comparison)
    return {
        **{column: comparison.cell[column] for column in OF_CELL},
        "ours": NOT_RUN if comparison.ours is None else comparison.ours,
        "ours_std": comparison.deviation,
        "difference": "" if difference is None else difference,
        "verdict": comparison.verdict,
        "score" if compared.kind == DISTANCE else "latency": comparison.files,
    }


def _difference(compared: Compared, comparison: Comparison) -> float | None:
    """Returns our number less the published one; None if ours was not run, or if the published one has no value."""
    ours, published = comparison.ours, compared.number.value
    return None if ours is None or published is None else ours - published


def _sections(all_compared: Sequence[Compared], references: References) -> list[str]:
    """Returns a heading and a table for each experiment and kind of number. A common source is named above a table."""
    parts = []
    for experiment, kind in dict.fromkeys((compared.number.experiment, compared.kind) for compared in all_compared):
        own = [
            compared for compared in all_compared if (compared.number.experiment, compared.kind) == (experiment, kind)
        ]
        table = [row for compared in own for row in _for_people(compared)]
        parts.append(f"## {experiment}: {HEADINGS[kind]}")
        if len({compared.number.source for compared in own}) == 1:
            parts.append(f"Source: {text.plain(references.sources[own[0].number.source].title)}.")
            table = [{heading: cell for heading, cell in row.items() if heading != "source"} for row in table]
        parts.append(text.markdown(table))
    return parts


def _for_people(compared: Compared) -> list[dict[str, str]]:
    """Returns a number's rows. Only the first row has what concerns the number, and not a comparison."""
    number = compared.number
    length = "full" if number.length is None else f"l = {number.length}"
    form = "{:.2f}" if compared.kind == DISTANCE else "{:.2f}×"
    value = f"{number.printed:.3g} s" if number.value is None else form.format(number.value)
    value += "" if number.deviation is None else f" ± {number.deviation:.2g}"
    value += "?" if number.ambiguous else ""
    statistics = f" ({number.statistics})" if number.statistics and compared.kind == DISTANCE else ""
    of_number = {
        "source": number.source,
        "its model": f"{number.model}, {length}",
        "solver": str(number.solver),
        "published": value + statistics,
        "outcome": compared.outcome,
    }
    rows = [_of_comparison(compared, comparison, form) for comparison in compared.comparisons]
    rows = rows or [dict.fromkeys(PEOPLE, "")]
    return [(of_number if k == 0 else dict.fromkeys(of_number, "")) | row for k, row in enumerate(rows)]


PEOPLE = ("compared with", "ours", "difference", "verdict")


def _of_comparison(compared: Compared, comparison: Comparison, form: str) -> dict[str, str]:
    cell, ours = comparison.cell, comparison.ours
    condition = "" if cell["d"] is None else f", d = {cell['d']}"
    where = f"{cell['label']}, {cell['weights']}{condition}, w = {cell['guidance']:g}"
    deviation = "" if comparison.deviation is None else f" ± {comparison.deviation:.2g}"
    apart = _difference(compared, comparison)
    difference = "" if apart is None else f"{apart:+.2f}"
    measured = NOT_RUN if ours is None else shown(ours, form) + deviation
    return dict(zip(PEOPLE, (where, measured, difference, comparison.verdict), strict=True))


def _caption(all_compared: Sequence[Compared], references: References) -> str:
    if not all_compared:
        return f"Of the experiments of this suite there are no {references.what}."
    parts = [
        *tables.earlier_runs(references),
        f"{verdicts.rule()}; smaller is better. A number counts once, with every model "
        "and weights that it may mean; ours is the mean over the seeds that were run.",
    ]
    if any(compared.number.ambiguous for compared in all_compared):
        parts.append("“?”: the source does not say whether its SM is the released or the fine-tuned one.")
    if any(compared.kind != DISTANCE for compared in all_compared):
        parts.append(
            "Relative latency: to that of the source's own SM, and ours to that of our first SM, with the same solver. "
            f"{comparisons.PUBLISHED_LATENCIES}"
        )
    if any(compared.outcome == NOT_COMPARABLE for compared in all_compared):
        parts.append(
            f"“{NOT_COMPARABLE[0].upper()}{NOT_COMPARABLE[1:]}” are SM's own latencies, which the others are relative "
            "to, and those with a solver that SM was not timed with: seconds on another machine do not compare."
        )
    if any(block.unattributed_mean_min_max for block in references.fid):
        parts.append("Published numbers that name no experiment are not here.")
    return " ".join(parts)
