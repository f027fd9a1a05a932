"""The tables of the whole grid: every point, and the paper's trade-off of steps T against length l."""

import pathlib
from collections.abc import Iterable, Sequence

from odelt.config import Solver
from odelt.publishing import text
from odelt.publishing.text import shown
from odelt.results import chance, comparisons, seeds, verdicts
from odelt.results.metrics import METRICS
from odelt.results.references import References
from odelt.results.rows import Row, baselines, distinct, fid_labels, steps
from odelt.results.verdicts import NOT_RUN, NOTHING_PUBLISHED

# Two rows of the trade-off differ in one of these; the steps T are its columns.
TRADE_OFF_KEY = ("model", "label", "length", "effective_blocks", "guidance", "seed")
# Its groups of columns (agreement only with digits): name in the CSV, heading and format for people.
TRADE_OFF = {
    "frechet_distance": ("Fréchet distance", "{:.2f}"),
    "relative_latency": ("latency", "{:.2f}×"),
    "agreement": (METRICS["agreement"].heading, METRICS["agreement"].form),
}


def write_grid(rows: Sequence[Row], references: References | None, out: pathlib.Path, note: str = "") -> None:
    """Writes every row to `<out>.csv` in full precision and to `<out>.md`, rounded, for people; `note` at its end."""
    text.write_csv(out, list(rows[0]) if rows else [], rows)
    table = text.markdown([_for_people(row) for row in rows])
    counted = comparisons.summary(seeds.over_seeds(rows), references)
    caption = _grid_caption(rows, references)
    text.write_markdown(out, text.title("Evaluation grid", rows), table, caption, counted, note)


def write_trade_off(rows: Sequence[Row], out: pathlib.Path) -> None:
    """Writes `<out>.csv` and `<out>.md`: EMA weights and Euler only, a row per model and length, a column per T.

    A latency is relative to that of the first model on the full path that was timed at the same T and guidance.
    """
    columns = sorted({T for row in _euler_ema(rows) if (T := steps(row)) is not None})
    groups = [name for name in TRADE_OFF if name != "agreement" or any(name in row for row in rows)]
    table = _trade_off(rows, columns, groups)
    text.write_csv(out, [*TRADE_OFF_KEY, *(f"{name}_T{T}" for name in groups for T in columns)], table)
    body = text.markdown([_trade_off_for_people(row, columns, groups) for row in table])
    text.write_markdown(out, text.title("Trade-off", rows), body, _trade_off_caption(rows))


def distances(row: Row) -> dict[str, str]:
    """Returns the headings of the distances to the real data: of each FID, or of the only Fréchet distance."""
    return {f"fid_{label}": f"FID ({label})" for label in fid_labels(row)} or {"frechet_distance": "Fréchet distance"}


def distance_caption(rows: Sequence[Row]) -> str:
    """Says what the distance is: of which features, over how many samples, and its floor if there is one."""
    known = distinct(row.samples for row in rows)
    samples = "" if known == NOT_RUN else f", over {known} samples"
    if rows and fid_labels(rows[0]):
        return f"FID: Fréchet distance of Inception features to the reference statistics named in brackets{samples}."
    return f"Fréchet distance: to the real data{samples}; {_floor(rows)}."


def agreement_caption(rows: Sequence[Row]) -> list[str]:
    """Says what the agreement is, and what “at chance” means if a table says so; nothing without agreement."""
    if not (rows and "agreement" in rows[0]):
        return []
    return [METRICS["agreement"].caption, *[chance.CAPTION for row in rows if row.at_chance][:1]]


def published_cells(row: Row, difference: str = "{:+.2f}") -> dict[str, str]:
    """Returns the published number with its reference statistics, the difference and the verdict."""
    if row["published"] == NOTHING_PUBLISHED:
        return {"published": "", "difference": "", "verdict": NOTHING_PUBLISHED}
    doubt = "?" if row["published_ambiguous"] else ""
    statistics = f" ({row['published_statistics']})" if row["published_statistics"] else ""
    deviation = f" ± {row['published_std']:.2g}" if row["published_std"] != "" else ""
    return {
        "published": f"{row['published']:.4g}{deviation}{doubt}{statistics}",
        "difference": shown(row["difference"], difference),
        "verdict": row["verdict"],
    }


def published_caption(rows: Iterable[Row], references: References | None) -> str:
    """Says what the published columns mean, with the rule; empty if nothing is published."""
    published = [row for row in rows if row["published"] != NOTHING_PUBLISHED]
    if not published:
        return ""
    caption = " ".join(earlier_runs(references)) or (
        "Published: with the reference statistics it belongs to, which are those of our FID that it is compared with."
    )
    caption += f" Difference: measured less published; {verdicts.rule()}."
    if any(row["published_ambiguous"] for row in published):
        caption += " “?”: the source does not say whether its SM is the released or the fine-tuned one."
    if any(row["published_others"] for row in published):
        caption += " Other published numbers of the same cell are in the CSV."
    return caption


def earlier_runs(references: References | None) -> list[str]:
    """Returns a sentence for each source that is no publication."""
    return [
        f"“Published” stands for {text.plain(source.title)}, which is no publication: "
        f"{_seeds(source.earlier_run.seeds)}, on {text.plain(source.earlier_run.machine)}."
        for source in (references.earlier_runs if references else [])
        if source.earlier_run
    ]


def _seeds(seeds: Sequence[int]) -> str:
    first, *others = map(str, seeds)
    return f"seed {first}" + (f", ± the standard deviation with seeds {', '.join(others)} too" if others else "")


def _euler_ema(rows: Iterable[Row]) -> list[Row]:
    return [row for row in rows if row["weights"] == "ema" and steps(row) is not None]


class _TradeOff(dict):
    """A row of the trade-off by column, and the T at which its agreement is at chance."""

    def __init__(self, cells: dict):
        super().__init__(cells)
        self.at_chance: set[int] = set()


def _trade_off(rows: Iterable[Row], columns: Sequence[int], groups: Sequence[str]) -> list[_TradeOff]:
    """Returns a row per TRADE_OFF_KEY, in the order of the grid. Cells that the grid lacks are NOT_RUN, too."""
    euler = _euler_ema(rows)
    timed = baselines(euler)
    table: dict[tuple, _TradeOff] = {}
    for row in euler:
        empty = {f"{name}_T{T}": NOT_RUN for name in groups for T in columns}
        key = {column: row[column] for column in TRADE_OFF_KEY}
        cells = table.setdefault(tuple(key.values()), _TradeOff({**key, **empty}))
        T = steps(row)
        assert T is not None  # as of all that are Euler's
        cells.at_chance |= {T} if row.at_chance else set()
        cells |= {f"{name}_T{T}": row[name] for name in groups if name in row}
        baseline = timed.get((T, row["guidance"]))
        if baseline and row["latency_s"] != NOT_RUN:
            cells[f"relative_latency_T{T}"] = row["latency_s"] / baseline["latency_s"]
    return list(table.values())


def _for_people(row: Row) -> dict[str, str]:
    optional = {
        metric.heading: shown(row[column], metric.form, metric.unit)
        for column, metric in METRICS.items()
        if column in row
    }
    if row.at_chance:
        optional[METRICS["agreement"].heading] += chance.MARK
    return {
        "model": row["label"],
        "weights": row["weights"],
        "length (blocks)": text.length(row),
        "solver": row["solver"] if row["d"] is None else f"{row['solver']}, d = {row['d']}",
        "guidance": f"{row['guidance']:g}",
        "seed": str(row["seed"]),
        "evaluations": shown(row["evaluations"], "{:.4g}"),
        **{heading: shown(row[column], "{:.2f}") for column, heading in distances(row).items()},
        **optional,
        "latency, ms": text.latency(row),
        "memory, MiB": shown(row["peak_bytes"], "{:.1f}", text.MIB),
        **published_cells(row),
    }


def _trade_off_for_people(row: _TradeOff, columns: Sequence[int], groups: Sequence[str]) -> dict[str, str]:
    cells = {"model": row["label"], "length (blocks)": text.length(row), "guidance": f"{row['guidance']:g}"}
    cells["seed"] = str(row["seed"])
    for name in groups:
        heading, form = TRADE_OFF[name]
        cells |= {f"{heading}, T = {T}": shown(row[f"{name}_T{T}"], form) for T in columns}
        for T in row.at_chance if name == "agreement" else ():
            cells[f"{heading}, T = {T}"] += chance.MARK
    return cells


def _grid_caption(rows: Sequence[Row], references: References | None) -> str:
    parts = [
        "Length: blocks asked for, and in brackets those that act; “full” is the conventional path without inner ODE.",
        "Evaluations: of the vector field, mean per sample.",
        joint_caption(rows),
        distance_caption(rows),
        *_optional_captions(rows),
        f"Latency: {text.timing(rows)}, median (quartiles).",
        "Memory: the peak of that program, weights included.",
        published_caption(rows, references),
    ]
    return " ".join(part for part in parts if part)


def joint_caption(rows: Sequence[Row]) -> str:
    """Says of joint solvers that SPEC 5's independence of samples is waived; empty if there are none."""
    if not any(Solver.parse(row["solver"]).joint for row in rows):
        return ""
    return "Joint: so many samples have one step size, as in the released code, so a sample depends on its batch."


def _optional_captions(rows: Sequence[Row]) -> list[str]:
    """Returns the captions of the optional columns that these rows have."""
    shown_columns = rows[0].keys() - {"agreement"} if rows else ()
    return agreement_caption(rows) + [metric.caption for column, metric in METRICS.items() if column in shown_columns]


def _trade_off_caption(rows: Sequence[Row]) -> str:
    labels = distinct(row["label"] for row in baselines(_euler_ema(rows)).values())
    relative = "the full path, which was not timed," if labels == NOT_RUN else f"{text.plain(labels)} on the full path"
    first = f" “Fréchet distance” is FID ({fid_labels(rows[0])[0]})." if rows and fid_labels(rows[0]) else ""
    parts = [
        "EMA weights, Euler's method in T steps. Length: blocks asked for, and in brackets those that act. "
        f"{distance_caption(rows)}{first}",
        f"Latency: relative to {relative} at the same T, {text.timing(rows)}.",
        *agreement_caption(_euler_ema(rows)),
    ]
    return " ".join(parts)


def _floor(rows: Iterable[Row]) -> str:
    distance = distinct(shown(row["floor"], "{:.2f}") for row in rows)
    if distance == NOT_RUN:
        return "its floor was not run"
    return f"two random halves of the real data are {distance} apart"
