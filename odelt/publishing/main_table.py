"""The paper's main table: models by lengths at a few numbers of Euler steps, with the published numbers."""

import dataclasses
import pathlib
from collections.abc import Sequence
from typing import Any

from odelt.publishing import entries, text
from odelt.publishing.text import Line, Number
from odelt.results import comparisons
from odelt.results.columns import FLOPS, LATENCY, MEMORY
from odelt.results.comparisons import Comparison
from odelt.results.references import References
from odelt.results.row import Ratio, Row, baselines, over_seeds, relative_latency
from odelt.results.rows import distinct


@dataclasses.dataclass(frozen=True)
class MainRow:
    """A row of the main table: over seeds, with what it is compared with."""

    row: Row
    baseline: Row | None  # that its latency is relative to
    ratio: Ratio | None  # of the latencies
    published_ratio: float | None  # the authors' own
    beside: Sequence[Comparison]  # published FIDs

    @property
    def setting(self) -> tuple[int, float]:
        """T and guidance."""
        return self.row.steps or 0, self.row.cell.guidance


def write_main(rows: Sequence[Row], references: References | None, out: pathlib.Path, note: str = "") -> None:
    """Writes `<out>.csv`, a row per cell in full precision, and `<out>.md`: an overview, then a table per T.

    A cell is a model's weights at one length, T and guidance: the mean over its seeds, with its uncertainty. The
    table has the T at which raw weights are evaluated, too; if there are none, it has every T. A latency is relative to
    that of the first model on the full path that was timed at the same T and guidance. `note` ends the Markdown.
    """
    made = main_rows(rows, references)
    in_full = [_in_full(each) for each in made]
    parts: list[str | Sequence[Line]] = [_overview(made)] if made else ["The grid has no Euler steps."]
    for setting in _settings(made):
        of_setting = [_for_people(each) for each in made if each.setting == setting]
        parts += ["## T = {}, guidance {:g}".format(*setting), of_setting]
    counted = comparisons.summary([each.row for each in made], references)
    parts += [_caption(made, references), counted, note]
    text.write(out, list(in_full[0]) if in_full else [], in_full, text.title("Main table", rows), *parts)


def main_rows(rows: Sequence[Row], references: References | None) -> list[MainRow]:
    """Returns the main table's rows over seeds, in the order of the rows."""
    euler = [(row.steps, row) for row in rows if row.steps is not None]
    raw = {(T, row.cell.guidance) for T, row in euler if row.cell.weights == "raw"}
    timed = baselines(rows)
    chosen = over_seeds(row for T, row in euler if not raw or (T, row.cell.guidance) in raw)
    all_beside = comparisons.published_beside(chosen, references)
    published = [references.relative_latency(row.cell) if references else None for row in chosen]
    return [
        MainRow(row, timed.get((row.steps, row.cell.guidance)), relative_latency(row, timed), ratio, beside)
        for row, ratio, beside in zip(chosen, published, all_beside, strict=True)
    ]


def _in_full(each: MainRow) -> dict[str, Any]:
    row = each.row
    leading = {name: value for name, value in entries.in_full(row).items() if name != "d"}
    of_seeds = {
        "score": entries.score_files(row),
        "seeds": entries.seeds(row),
        "seeds_run": len(row.scores),
        "seeds_wanted": len(row.seeds),
    }
    deviations = {f"{column.name}_std": row.deviation(column) for column in row.columns if column.file == "score"}
    return {
        **(leading | entries.measured(row) | entries.published(each.beside) | of_seeds | deviations),
        "T": row.steps,
        "relative_latency": entries.or_not_run(each.ratio and each.ratio.value),
        "relative_to": entries.or_not_run(each.baseline and each.baseline.label),
        "published_relative_latency": each.published_ratio,
    }


def _overview(made: Sequence[MainRow]) -> list[dict[str, str | Number]]:
    """Returns a table in the paper's form: a line per model, length and weights, a column per T, the first distance."""
    column = made[0].row.headlines[0]
    headings = {setting: "{}, T = {}, w = {:g}".format(column.heading, *setting) for setting in _settings(made)}
    table: dict[tuple, dict[str, str | Number]] = {}
    for each in made:
        row = each.row
        key = (row.cell.model, row.line, row.cell.weights, row.cell.length)
        line = table.setdefault(key, {**_leading(row), **dict.fromkeys(headings.values(), "")})
        line[headings[each.setting]] = entries.number(row, column, each.beside)
    return list(table.values())


def _settings(made: Sequence[MainRow]) -> list[tuple[int, float]]:
    return sorted({each.setting for each in made})


def _leading(row: Row) -> dict[str, str | Number]:
    return {"model": row.line, "weights": row.cell.weights, "length (blocks)": entries.length(row)}


def _for_people(each: MainRow) -> Line:
    row = each.row
    also = "" if each.published_ratio is None else f" (published {each.published_ratio:.2f}×)"
    run, wanted = len(row.scores), len(row.seeds)
    return {
        **_leading(row),  # the other scores of an image set are in the CSV and in the grid
        **{column.heading: entries.number(row, column, each.beside) for column in row.headlines},
        "seeds": f"{run}" if run == wanted else f"{run} of {wanted}",
        **entries.published_cells(row, each.beside),
        **{column.heading: entries.number(row, column) for column in (LATENCY, FLOPS)},
        "relative latency": entries.ratio(row, each.ratio, also),
        MEMORY.heading: entries.number(row, MEMORY),
    }


def _caption(made: Sequence[MainRow], references: References | None) -> str:
    rows = [each.row for each in made]
    baseline = distinct(each.baseline.label for each in made if each.baseline)
    relative = f" Relative latency: to {text.plain(baseline)} at the same T and w." if baseline else ""
    statistics = rows[0].first_statistics if rows else ""
    first = f" The first table shows FID ({statistics})." if statistics else ""
    parts = [
        "Euler's method in T steps, where a row names no other solver; w: guidance. Length: blocks asked for, and in "
        "brackets those that act; “full” is "
        "the conventional path without inner ODE. Weights: the moving average (ema) or the raw ones.",
        f"{entries.distance_caption(rows)}{first} With several seeds: their mean.",
        entries.uncertainty_caption(rows),
        entries.agreement_caption(rows),
        entries.published_caption([each.beside for each in made], references),
        f"Latency: {entries.timing_caption(rows)}, median (quartiles); where w is neither 0 nor 1 each evaluation "
        f"is of a doubled batch.{relative} {FLOPS.caption} {MEMORY.caption}",
        entries.disturbed_caption(rows),
    ]
    if any(each.published_ratio is not None for each in made):
        parts.append(comparisons.PUBLISHED_LATENCIES)
    return " ".join(part for part in parts if part)
