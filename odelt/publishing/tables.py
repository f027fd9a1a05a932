"""The tables of the whole grid: every point, and the paper's trade-off of steps T against length l."""

import dataclasses
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from odelt.publishing import cells, text
from odelt.publishing.text import Line, Number
from odelt.results import comparisons
from odelt.results.columns import AGREEMENT, FRECHET, LATENCY, Column
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
    caption = f"{_grid_caption(rows)} {cells.published_caption(all_beside, references)}".rstrip()
    counted = comparisons.summary(over_seeds(rows), references)
    parts = (text.title("Evaluation grid", rows), table, caption, counted, note)
    text.write(out, list(in_full[0]) if in_full else [], in_full, *parts)


def _in_full(row: Row, beside: Sequence[Comparison]) -> dict[str, Any]:
    of_seed = {"seed": row.seeds[0]}
    return (
        cells.in_full(row) | of_seed | cells.measured(row) | cells.published(beside) | {"score": cells.score_files(row)}
    )


def _for_people(row: Row, beside: Sequence[Comparison]) -> Line:
    cell = row.cell
    return {
        "model": row.label,
        "weights": cell.weights,
        "length (blocks)": cells.length(row),
        "solver": str(cell.solver) if cell.d is None else f"{cell.solver}, d = {cell.d}",
        "guidance": f"{cell.guidance:g}",
        "seed": _seed(row),
        **{column.heading: cells.number(row, column, beside) for column in row.columns if column.heading},
        **cells.published_cells(row, beside),
    }


def _seed(row: Row) -> str:
    return "" if row.seeds[0] is None else str(row.seeds[0])


def _grid_caption(rows: Sequence[Row]) -> str:
    parts = [
        "Length: blocks asked for, and in brackets those that act; “full” is the conventional path without inner ODE."
    ]
    computed = {
        FRECHET.name: cells.distance_caption(rows),
        AGREEMENT.name: cells.agreement_caption(rows),
        LATENCY.name: f"Latency: {cells.timing_caption(rows)}, median (quartiles).",
    }
    parts += [computed.get(column.name, column.caption) for column in (rows[0].columns if rows else ())]
    return " ".join(part for part in parts if part)


def write_trade_off(rows: Sequence[Row], references: References | None, out: pathlib.Path) -> None:
    """Writes `<out>.csv` and `<out>.md`: EMA weights and Euler only, a row per model and length, a column per T.

    A latency is relative to that of the first model on the full path that was timed at the same T and guidance.
    """
    beside = dict(zip(rows, comparisons.published_beside(rows, references), strict=True))
    euler = [row for row in rows if row.cell.weights == "ema" and row.steps is not None]
    steps = sorted({row.steps for row in euler if row.steps is not None})
    groups = _groups(euler, beside)
    lines: dict[tuple, dict[int | None, Row]] = {}
    for row in euler:
        key = (row.cell.model, row.cell.length, row.cell.guidance, row.seeds)
        lines.setdefault(key, {})[row.steps] = row
    in_full, table = [], []
    for line in lines.values():
        first = next(iter(line.values()))
        leading = cells.in_full(first) | {"seed": first.seeds[0]}
        values = {f"{of.name}_T{T}": of.value(line[T]) if T in line else None for of in groups for T in steps}
        in_full.append({name: leading[name] for name in LEADING} | {k: cells.or_not_run(v) for k, v in values.items()})
        leading = {"model": first.label, "length (blocks)": cells.length(first)}
        leading |= {"guidance": f"{first.cell.guidance:g}", "seed": _seed(first)}
        shown = {f"{of.heading}, T = {T}": of.shown(line[T]) if T in line else NOT_RUN for of in groups for T in steps}
        table.append(leading | shown)
    columns = [*LEADING, *(f"{of.name}_T{T}" for of in groups for T in steps)]
    text.write(out, columns, in_full, text.title("Trade-off", rows), table, _trade_off_caption(rows, euler))


LEADING = ("model", "label", "length", "effective_blocks", "guidance", "seed")  # of the trade-off's CSV


@dataclasses.dataclass(frozen=True)
class _Group:
    """Columns of the trade-off, one for each T: their name in the CSV, their heading for people, and their cells."""

    name: str
    heading: str
    value: Callable[[Row], float | None]
    shown: Callable[[Row], str | Number]


def _groups(euler: Sequence[Row], beside: Mapping[Row, Sequence[Comparison]]) -> list[_Group]:
    timed = baselines(euler)

    def of_column(column: Column) -> _Group:
        return _Group(
            *(column.name, column.heading),
            value=lambda row: row.value(column),
            shown=lambda row: cells.number(row, column, beside[row]),
        )

    latency = _Group(
        *("relative_latency", "latency"),
        value=lambda row: (ratio := relative_latency(row, timed)) and ratio.value,
        shown=lambda row: cells.ratio(row, relative_latency(row, timed)),
    )
    agreement = [of_column(AGREEMENT)] if any(AGREEMENT in row.columns for row in euler) else []
    return [of_column(FRECHET), latency, *agreement]


def _trade_off_caption(rows: Sequence[Row], euler: Sequence[Row]) -> str:
    labels = distinct(row.label for row in baselines(euler).values())
    relative = f"{text.plain(labels)} on the full path" if labels else "the full path, which was not timed,"
    statistics = rows[0].first_statistics if rows else ""
    first = f" “Fréchet distance” is FID ({statistics})." if statistics else ""
    parts = [
        "EMA weights, Euler's method in T steps. Length: blocks asked for, and in brackets those that act. "
        f"{cells.distance_caption(rows)}{first}",
        f"Latency: relative to {relative} at the same T, {cells.timing_caption(rows)}.",
        cells.agreement_caption(euler),
    ]
    return " ".join(part for part in parts if part)
