"""The tables of the whole grid: every point, and the paper's trade-off of steps T against length l."""

import pathlib
from collections.abc import Callable, Sequence
from typing import Any

from odelt.publishing import entries, text
from odelt.publishing.text import Line, Number
from odelt.results import comparisons
from odelt.results.columns import AGREEMENT, FRECHET, LATENCY
from odelt.results.comparisons import Comparison
from odelt.results.references import References
from odelt.results.row import Row, baselines, over_seeds, relative_latency
from odelt.results.rows import distinct
from odelt.results.verdicts import NOT_RUN


def write_grid(rows: Sequence[Row], references: References | None, out: pathlib.Path, note: str = "") -> None:
    """Writes every row to `<out>.csv` in full precision and to `<out>.md`, rounded, for people; `note` at its end."""
    all_beside = comparisons.published_beside(rows, references)
    in_full = [_in_full(row, beside) for row, beside in zip(rows, all_beside, strict=True)]
    table = [_for_people(row, beside) for row, beside in zip(rows, all_beside, strict=True)]
    caption = " ".join(
        part
        for part in (_grid_caption(rows), _joint_caption(rows), entries.published_caption(all_beside, references))
        if part
    )
    counted = comparisons.summary(over_seeds(rows), references)
    parts = (text.title("Evaluation grid", rows), table, caption, counted, note)
    text.write(out, list(in_full[0]) if in_full else [], in_full, *parts)


def _in_full(row: Row, beside: Sequence[Comparison]) -> dict[str, Any]:
    leading = entries.in_full(row) | {"seed": row.seeds[0]}
    return leading | entries.measured(row) | entries.published(beside) | {"score": entries.score_files(row)}


def _for_people(row: Row, beside: Sequence[Comparison]) -> Line:
    cell = row.cell
    return {
        "model": row.label,
        "weights": cell.weights,
        "length (blocks)": entries.length(row),
        "solver": str(cell.solver) if cell.d is None else f"{cell.solver}, d = {cell.d}",
        "guidance": f"{cell.guidance:g}",
        "seed": _seed(row),
        **{column.heading: entries.number(row, column, beside) for column in row.columns if column.heading},
        **entries.published_cells(row, beside),
    }


def _joint_caption(rows: Sequence[Row]) -> str:
    """Says of joint solvers that SPEC 5's independence of samples is waived; empty if there are none."""
    if not any(row.cell.solver.joint for row in rows):
        return ""
    return "Joint: so many samples have one step size, as in the released code, so a sample depends on its batch."


def _seed(row: Row) -> str:
    return "" if row.seeds[0] is None else str(row.seeds[0])


def _grid_caption(rows: Sequence[Row]) -> str:
    parts = [
        "Length: blocks asked for, and in brackets those that act; “full” is the conventional path without inner ODE."
    ]
    computed = {
        FRECHET.name: entries.distance_caption(rows),
        AGREEMENT.name: entries.agreement_caption(rows),
        LATENCY.name: f"Latency: {entries.timing_caption(rows)}, median (quartiles). {entries.disturbed_caption(rows)}",
    }
    parts += [computed.get(column.name, column.caption) for column in (rows[0].columns if rows else ())]
    parts.append(entries.uncertainty_caption(rows))
    return " ".join(part for part in parts if part)


def write_trade_off(rows: Sequence[Row], references: References | None, out: pathlib.Path) -> None:
    """Writes `<out>.csv` and `<out>.md`: EMA weights and Euler only, a row per model and length, a column per T.

    A latency is relative to that of the first model on the full path that was timed at the same T and guidance.
    """
    beside = dict(zip(rows, comparisons.published_beside(rows, references), strict=True))
    euler = [row for row in rows if row.cell.weights == "ema" and row.steps is not None]
    steps = sorted({row.steps for row in euler if row.steps is not None})
    timed = baselines(euler)
    # Columns, one of each for every T: their names in the CSV, their headings for people, and their cells.
    groups: list[tuple[str, str, Callable[[Row], str | Number]]] = [
        (FRECHET.name, FRECHET.heading, lambda row: entries.number(row, FRECHET, beside[row])),
        ("relative_latency", "latency", lambda row: entries.ratio(row, relative_latency(row, timed))),
    ]
    if any(AGREEMENT in row.columns for row in euler):
        groups.append((AGREEMENT.name, AGREEMENT.heading, lambda row: entries.number(row, AGREEMENT, beside[row])))
    lines: dict[tuple, dict[int | None, Row]] = {}
    for row in euler:
        key = (row.cell.model, row.line, row.cell.length, row.cell.guidance, row.seeds)
        lines.setdefault(key, {})[row.steps] = row
    in_full, table = [], []
    for line in lines.values():
        first = next(iter(line.values()))
        shown = {(k, T): cell(line[T]) if T in line else NOT_RUN for k, (*_, cell) in enumerate(groups) for T in steps}
        in_full.append({"seed": first.seeds[0]} | {k: v for k, v in entries.in_full(first).items() if k in LEADING})
        in_full[-1] |= {"label": first.line}
        in_full[-1] |= {f"{groups[k][0]}_T{T}": text.exact(cell) for (k, T), cell in shown.items()}
        table.append(
            {
                "model": first.line,
                "length (blocks)": entries.length(first),
                "guidance": f"{first.cell.guidance:g}",
                "seed": _seed(first),
                **{f"{groups[k][1]}, T = {T}": cell for (k, T), cell in shown.items()},
            }
        )
    columns = [*LEADING, *(f"{name}_T{T}" for name, *_ in groups for T in steps)]
    text.write(out, columns, in_full, text.title("Trade-off", rows), table, _trade_off_caption(rows, euler))


LEADING = ("model", "label", "length", "effective_blocks", "guidance", "seed")  # of the trade-off's CSV


def _trade_off_caption(rows: Sequence[Row], euler: Sequence[Row]) -> str:
    labels = distinct(row.label for row in baselines(euler).values())
    relative = f"{text.plain(labels)} on the full path" if labels else "the full path, which was not timed,"
    statistics = rows[0].first_statistics if rows else ""
    first = f" “Fréchet distance” is FID ({statistics})." if statistics else ""
    parts = [
        "EMA weights, T steps of Euler's method, or of the solver that a row names. Length: blocks asked for, and in "
        f"brackets those that act. {entries.distance_caption(rows)}{first}",
        entries.uncertainty_caption(rows),
        f"Latency: relative to {relative} at the same T, {entries.timing_caption(rows)}.",
        entries.agreement_caption(euler),
    ]
    return " ".join(part for part in parts if part)
