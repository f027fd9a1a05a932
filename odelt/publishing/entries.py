"""What the tables have in common: a row's columns in full for the CSV, and its cells for people."""

from collections.abc import Iterable, Sequence
from typing import Any

from odelt.layout import paths
from odelt.publishing import text
from odelt.publishing.text import Line, Number
from odelt.results import chance, verdicts
from odelt.results.columns import AGREEMENT, Column
from odelt.results.comparisons import Comparison
from odelt.results.references import PublishedNumber, References
from odelt.results.row import Ratio, Row
from odelt.results.rows import distinct
from odelt.results.verdicts import NOT_RUN, NOTHING_PUBLISHED


def in_full(row: Row) -> dict[str, Any]:
    """Returns what tells the row apart, its seed aside."""
    cell = row.cell
    return {
        "experiment": cell.experiment,
        "model": cell.model,
        "label": row.label,
        "weights": cell.weights,
        "length": row.length,
        "effective_blocks": row.effective_blocks,
        "solver": str(cell.solver),
        "d": cell.d,
        "guidance": cell.guidance,
    }


def measured(row: Row) -> dict[str, Any]:
    """Returns what was measured, by column."""
    values = {column.name: row.value(column) for column in row.columns}
    errors = {f"{column.name}_se": row.standard_error(column) for column in row.columns if column.is_distance}
    return {name: or_not_run(value) for name, value in values.items()} | errors


def published(beside: Sequence[Comparison]) -> dict[str, Any]:
    """Returns the published number that a row is compared with, the first of several."""
    if not beside:
        return {**dict.fromkeys(PUBLISHED_COLUMNS), "published": NOTHING_PUBLISHED, "verdict": NOTHING_PUBLISHED}
    first, *others = beside
    also = "; ".join(f"{each.number.value:g} ({each.number.source}, {each.number.statistics})" for each in others)
    return published_number(first.number, also, first.difference, first.verdict)


PUBLISHED_COLUMNS = (
    *("published", "published_std", "published_source", "published_statistics", "published_ambiguous"),
    *("published_others", "difference", "verdict"),
)


def published_number(number: PublishedNumber, others: str, difference: float | None, verdict: str) -> dict[str, Any]:
    ambiguous = "yes" if number.ambiguous else None
    known = (number.value, number.deviation, number.source, number.statistics, ambiguous)
    return dict(zip(PUBLISHED_COLUMNS, (*known, others, difference, verdict), strict=True))


def score_files(row: Row) -> str:
    return " ".join(score.file for score in row.scores)


def seeds(row: Row) -> str:
    """The seeds that were run: "10 20 30"."""
    return " ".join("" if score.seed is None else str(score.seed) for score in row.scores)


def or_not_run(value: Any) -> Any:
    return NOT_RUN if value is None else value


def of_suite(row: Row, files: Iterable[str]) -> list[str]:
    """Returns files of the row's experiment by their path below the suite's folder."""
    return [f"{row.cell.experiment}/{file}" for file in files]


def length(row: Row) -> str:
    """The nominal length and, in brackets, the blocks that act."""
    return f"{row.length} ({row.effective_blocks})"


def number(row: Row, column: Column, beside: Sequence[Comparison] = ()) -> str | Number:
    """Returns "5.90", or "5.90 ± 0.08" if its uncertainty is known. The published numbers beside a score go with it."""
    value = row.value(column)
    if value is None:
        return NOT_RUN
    if column.file == "latency" and row.timing:
        counted = () if row.cell.solver.method.fixed else (score.file for score in row.scores)
        return text.timed(row.timing, column, of_suite(row, (row.timing.file, *counted)))
    uncertainty = row.uncertainty(column)
    shown = column.shown(value) + ("" if uncertainty is None else f" ± {column.shown(uncertainty)}")
    shown += chance.MARK if column == AGREEMENT and row.at_chance else ""
    return of_scores(row, shown, value, beside)


def of_scores(row: Row, shown: str, value: float | None, beside: Sequence[Comparison] = ()) -> Number:
    files = of_suite(row, (score.file for score in row.scores))
    return Number(shown, files, value, published(beside) if beside else None)


def ratio(row: Row, ratio: Ratio | None, also: str = "") -> str | Number:
    """Returns a relative latency, with what stands beside it."""
    if ratio is None:
        return NOT_RUN + also
    return Number(f"{ratio.value:.2f}×{also}", of_suite(row, ratio.files), ratio.value)


def published_cells(row: Row, beside: Sequence[Comparison]) -> Line:
    """Returns the published number with its reference statistics, the difference and the verdict."""
    if not beside:
        return {"published": "", "difference": "", "verdict": NOTHING_PUBLISHED}
    first, difference = beside[0], beside[0].difference
    shown = published_text(f"{first.number.value:.4g}", first.number)
    return {
        "published": Number(shown, [paths.PUBLISHED], first.number.value, published(beside)),
        "difference": "" if difference is None else of_scores(row, f"{difference:+.2f}", difference, beside),
        "verdict": first.verdict,
    }


def published_text(value: str, number: PublishedNumber) -> str:
    """Returns a published number with its deviation, a mark if it is ambiguous, and its reference statistics."""
    deviation = "" if number.deviation is None else f" ± {number.deviation:.2g}"
    statistics = f" ({number.statistics})" if number.statistics else ""
    return f"{value}{deviation}{'?' if number.ambiguous else ''}{statistics}"


def timing_caption(rows: Sequence[Row]) -> str:
    """Says how many images latencies are for, and on which devices."""
    return text.timing_caption([row.timing for row in rows if row.timing])


def disturbed_caption(rows: Sequence[Row]) -> str:
    return text.disturbed_caption(row.timing for row in rows if row.timing)


def distance_caption(rows: Sequence[Row]) -> str:
    """Says what the distance is: of which features, over how many samples, and its floor if there is one."""
    known = distinct(row.samples for row in rows)
    samples = f", over {known} samples" if known else ""
    if rows and rows[0].first_statistics:
        return f"FID: Fréchet distance of Inception features to the reference statistics named in brackets{samples}."
    floor = distinct(f"{row.floor:.2f}" for row in rows if row.floor is not None)
    floor = f"two random halves of the real data are {floor} apart" if floor else "its floor was not run"
    return f"Fréchet distance: to the real data{samples}; {floor}."


def uncertainty_caption(rows: Sequence[Row]) -> str:
    """Says what stands after “±”; empty where no number has it."""
    if not any(row.uncertainty(column) is not None for row in rows for column in row.columns):
        return ""
    return (
        "±: the standard error over samples or, with several seeds, the deviation over seeds if that is wider. "
        "A distance of few samples is biased upwards, which ± does not say."
    )


def agreement_caption(rows: Sequence[Row]) -> str:
    """Says what the agreement is, and what “at chance” means if a table says so; nothing without agreement."""
    if not (rows and AGREEMENT in rows[0].columns):
        return ""
    return f"{AGREEMENT.caption} {chance.CAPTION}" if any(row.at_chance for row in rows) else AGREEMENT.caption


def published_caption(all_beside: Iterable[Sequence[Comparison]], references: References | None) -> str:
    """Says what the published columns mean, with the rule; empty if nothing is published."""
    all_beside = [beside for beside in all_beside if beside]
    if not all_beside:
        return ""
    caption = " ".join(earlier_runs(references)) or (
        "Published: with the reference statistics it belongs to, which are those of our FID that it is compared with."
    )
    caption += f" Difference: measured less published; {verdicts.rule()}."
    if any(beside[0].number.ambiguous for beside in all_beside):
        caption += " “?”: the source does not say whether its SM is the released or the fine-tuned one."
    if any(len(beside) > 1 for beside in all_beside):
        caption += " Other published numbers of the same cell are in the CSV."
    return " ".join([caption, *notes([each.number for beside in all_beside for each in beside], references)])


def notes(numbers: Iterable[PublishedNumber], references: References | None) -> list[str]:
    """Returns the notes of the sources of these numbers, each after the source's key."""
    sources = references.sources if references else {}
    used = dict.fromkeys(number.source for number in numbers if number.source in sources)
    return [text.plain(f"{source}: {note}") for source in used if (note := sources[source].note)]


def earlier_runs(references: References | None) -> list[str]:
    """Returns a sentence for each source that is no publication."""
    return [
        f"“Published” stands for {text.plain(origin.title)}, which is no publication: "
        f"{_seeds(origin.earlier_run.seeds)}, on {text.plain(origin.earlier_run.machine)}."
        for origin in (references.earlier_runs if references else [])
        if origin.earlier_run
    ]


def _seeds(seeds: Sequence[int]) -> str:
    first, *others = map(str, seeds)
    return f"seed {first}" + (f", ± the standard deviation with seeds {', '.join(others)} too" if others else "")
