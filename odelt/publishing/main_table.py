"""The paper's main table: models by lengths at a few numbers of Euler steps, with the published numbers."""

import pathlib
from collections.abc import Sequence

from odelt.publishing import text
from odelt.publishing.tables import agreement_caption, distance_caption, distances, published_caption, published_cells
from odelt.publishing.text import shown
from odelt.results import chance, comparisons
from odelt.results.metrics import METRICS
from odelt.results.references import References
from odelt.results.rows import Row, Setting, baselines, cell_of, distinct, fid_labels, steps
from odelt.results.seeds import over_seeds
from odelt.results.verdicts import NOT_RUN


def write_main(rows: Sequence[Row], references: References | None, out: pathlib.Path, note: str = "") -> None:
    """Writes `<out>.csv`, a row per cell in full precision, and `<out>.md`: an overview, then a table per T.

    A cell is a model's weights at one length, T and guidance: the mean over its seeds, with the standard deviation. The
    table has the T at which raw weights are evaluated, too; if there are none, it has every T. A latency is relative to
    that of the first model on the full path that was timed at the same T and guidance. `note` ends the Markdown.
    """
    cells = main_cells(rows, references)
    columns = [column for column in (cells[0] if cells else {}) if column not in ("solver", "d")]
    text.write_csv(out, columns, [{column: cell[column] for column in columns} for cell in cells])
    parts = [_overview(cells)] if cells else ["The grid has no Euler steps."]
    for T, guidance in sorted({_setting(cell) for cell in cells}):
        of_setting = [_for_people(cell) for cell in cells if _setting(cell) == (T, guidance)]
        parts += [f"## T = {T}, guidance {guidance:g}", text.markdown(of_setting)]
    parts += [_caption(cells, references), comparisons.summary(cells, references), note]
    text.write_markdown(out, text.title("Main table", rows), *parts)


def main_cells(rows: Sequence[Row], references: References | None) -> list[Row]:
    """Returns the main table's cells in the order of the rows.

    They are those of `over_seeds`, with T, the latency ratio and the model that it is relative to, and the authors' own
    ratio if they published latencies.
    """
    euler = [row for row in rows if steps(row) is not None]
    settings = {_setting(row) for row in euler if row["weights"] == "raw"} or {_setting(row) for row in euler}
    timed = baselines(rows)
    cells = over_seeds(row for row in euler if _setting(row) in settings)
    for cell in cells:
        cell["T"] = steps(cell)
        baseline = timed.get(_setting(cell))
        known = baseline if cell["latency_s"] != NOT_RUN else None
        cell["relative_latency"] = cell["latency_s"] / known["latency_s"] if known else NOT_RUN
        cell["relative_to"] = baseline["label"] if baseline else NOT_RUN
        cell["published_relative_latency"] = _published_ratio(cell, references)
    return cells


def _setting(row: Row) -> Setting:
    return steps(row), row["guidance"]


def _published_ratio(cell: Row, references: References | None) -> float | str:
    if references is None:
        return ""
    ratio = references.relative_latency(cell_of(cell))
    return "" if ratio is None else ratio


def _overview(cells: Sequence[Row]) -> str:
    """Returns a table in the paper's form: a row per model, length and weights, a column per T, the first distance."""
    column, heading = next(iter(distances(cells[0]).items()))
    settings = sorted({_setting(cell) for cell in cells})
    table: dict[tuple, dict[str, str]] = {}
    for cell in cells:
        key = {"model": cell["label"], "weights": cell["weights"], "length (blocks)": text.length(cell)}
        empty = {f"{heading}, T = {T}, w = {guidance:g}": "" for T, guidance in settings}
        row = table.setdefault((cell["model"], *key.values()), {**key, **empty})
        T, guidance = _setting(cell)
        row[f"{heading}, T = {T}, w = {guidance:g}"] = _mean(cell, column, "{:.2f}")
    return text.markdown(list(table.values()))


def _for_people(cell: Row) -> dict[str, str]:
    cells = {"model": cell["label"], "weights": cell["weights"], "length (blocks)": text.length(cell)}
    cells |= {heading: _mean(cell, column, "{:.2f}") for column, heading in distances(cell).items()}
    if "agreement" in cell:  # the other scores of an image set are in the CSV and in the grid
        metric = METRICS["agreement"]
        cells[metric.heading] = _mean(cell, "agreement", metric.form) + (chance.MARK if cell.at_chance else "")
    relative = shown(cell["relative_latency"], "{:.2f}×")
    if cell["published_relative_latency"] != "":
        relative += f" (published {cell['published_relative_latency']:.2f}×)"
    return {
        **cells,
        "seeds": _seeds(cell),
        **published_cells(cell),
        "latency, ms": text.latency(cell),
        "relative latency": relative,
        "memory, MiB": shown(cell["peak_bytes"], "{:.1f}", text.MIB),
    }


def _mean(cell: Row, column: str, form: str) -> str:
    """Returns "5.90", or "5.90 ± 0.08" over several seeds."""
    deviation = cell[f"{column}_std"]
    return shown(cell[column], form) + ("" if deviation is None else f" ± {form.format(deviation)}")


def _seeds(cell: Row) -> str:
    """Returns the number of seeds in the mean, and "of" how many if some were not run."""
    run, wanted = cell["seeds_run"], cell["seeds_wanted"]
    return f"{run}" if run == wanted else f"{run} of {wanted}"


def _caption(cells: Sequence[Row], references: References | None) -> str:
    baseline = distinct(cell["relative_to"] for cell in cells if cell["relative_to"] != NOT_RUN)
    relative = "" if baseline == NOT_RUN else f" Relative latency: to {text.plain(baseline)} at the same T and w."
    first = f" The first table shows FID ({fid_labels(cells[0])[0]})." if cells and fid_labels(cells[0]) else ""
    parts = [
        "Euler's method in T steps; w: guidance. Length: blocks asked for, and in brackets those that act; “full” is "
        "the conventional path without inner ODE. Weights: the moving average (ema) or the raw ones.",
        f"{distance_caption(cells)}{first} With several seeds: mean ± standard deviation.",
        *agreement_caption(cells),
        published_caption(cells, references),
        f"Latency: {text.timing(cells)}, median (quartiles); where w is neither 0 nor 1 each evaluation "
        f"is of a doubled batch.{relative} "
        "Memory: the peak of that program, weights included.",
    ]
    if any(cell["published_relative_latency"] != "" for cell in cells):
        parts.append(comparisons.PUBLISHED_LATENCIES)
    return " ".join(part for part in parts if part)
