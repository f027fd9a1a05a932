"""The tables: one row per grid point, and from these rows the paper's trade-off of steps T against length l."""

import csv
import json
import pathlib
from collections.abc import Callable, Iterable, Sequence

from odelt import files
from odelt.config import Experiment, Solver, network_of
from odelt.errors import OdeltError
from odelt.grid import Layout, Point, length_name, points

NOT_RUN = "not run"
NOTHING_PUBLISHED = "nothing published"
FULL = length_name(None)

SCORE_COLUMNS = ("evaluations", "frechet_distance", "agreement")
LATENCY_COLUMNS = ("latency_s", "latency_q1_s", "latency_q3_s", "peak_bytes")
COLUMNS = (
    *("experiment", "model", "label", "weights", "length", "effective_blocks", "solver", "d", "guidance", "seed"),
    *("evaluations", "frechet_distance", "floor", "agreement"),
    *LATENCY_COLUMNS,
    *("published", "difference", "verdict"),
)
# What tells two rows of the trade-off apart; the steps T are its columns.
TRADE_OFF_KEY = ("model", "label", "length", "effective_blocks", "guidance", "seed")
# Its three groups of columns: name in the CSV, heading for people.
TRADE_OFF = {"frechet_distance": "Fréchet distance", "relative_latency": "latency", "agreement": "agreement"}


class Row(dict):
    """A row of the tables by column, with what a caption says of it (None where it was not run).

    Times are in seconds per batch, memory in bytes, agreement in 0..1; a cell that no file fills is NOT_RUN.
    """

    samples: int | None = None
    batch_size: int | None = None
    device: str | None = None


def rows(experiment_name: str, experiment: Experiment, layout: Layout, seed: int) -> list[Row]:
    """One row per point of the experiment's grid, in the grid's order, with exactly COLUMNS.

    Raises:
        OdeltError: a score, latency or floor file is damaged; the line names it.
    """
    floor_distance = _read(layout.floor, lambda raw: float(raw["frechet_distance"]), absent=NOT_RUN)
    return [_row(experiment_name, experiment, layout, point, floor_distance, seed) for point in points(experiment)]


def write_grid(rows: Sequence[Row], out: pathlib.Path) -> None:
    """Writes every row to `<out>.csv` in full precision and to `<out>.md`, rounded, for people."""
    _write_csv(out, COLUMNS, rows)
    text = _markdown([_for_people(row) for row in rows])
    files.write_text(_beside(out, ".md"), f"{_title('Evaluation grid', rows)}\n\n{text}\n\n{_grid_caption(rows)}\n")


def write_trade_off(rows: Sequence[Row], out: pathlib.Path) -> None:
    """Writes `<out>.csv` and `<out>.md`: EMA weights and Euler only, a row per model and length, a column per T.

    A latency is relative to that of the first model on the full path that was timed at the same T and guidance.
    """
    steps = sorted({_steps(row) for row in _euler_ema(rows)})
    table = _trade_off(rows, steps)
    _write_csv(out, [*TRADE_OFF_KEY, *(f"{name}_T{T}" for name in TRADE_OFF for T in steps)], table)
    text = _markdown([_trade_off_for_people(row, steps) for row in table])
    files.write_text(_beside(out, ".md"), f"{_title('Trade-off', rows)}\n\n{text}\n\n{_trade_off_caption(rows)}\n")


def _row(name: str, experiment: Experiment, layout: Layout, point: Point, floor: float | str, seed: int) -> Row:
    model, length = point.group.model, point.group.length
    score = _read(layout.score(point), _score_cells, absent={})
    latency = _read(layout.latency(model, length), lambda raw: _latency_cells(raw, point), absent={})
    cells = {
        "experiment": name,
        "model": model,
        "label": experiment.models[model].label,
        "weights": point.group.weights,
        "length": FULL if length is None else length,
        "effective_blocks": network_of(experiment).effective_blocks(length),
        "solver": str(point.solver),
        "d": point.d,
        "guidance": point.guidance,
        "seed": seed,
        "floor": floor,
        "published": NOTHING_PUBLISHED,
        "difference": "",
        "verdict": "",
        **{column: score.get(column, NOT_RUN) for column in SCORE_COLUMNS},
        **{column: latency.get(column, NOT_RUN) for column in LATENCY_COLUMNS},
    }
    row = Row((column, cells[column]) for column in COLUMNS)
    row.samples, row.batch_size, row.device = score.get("samples"), latency.get("batch_size"), latency.get("device")
    return row


def _score_cells(raw: dict) -> dict:
    return {"samples": int(raw["samples"]), **{column: float(raw[column]) for column in SCORE_COLUMNS}}


def _latency_cells(raw: dict, point: Point) -> dict:
    """The cells of the one timing of this point, whatever its weights; empty where the file has none."""
    wanted = (str(point.solver), point.d, point.guidance)
    for timed in raw["points"]:
        if (timed["solver"], timed["d"], timed["guidance"]) == wanted:
            seconds = [float(timed["seconds"][name]) for name in ("median", "q1", "q3")]
            cells = dict(zip(LATENCY_COLUMNS, [*seconds, int(timed["peak_bytes"])], strict=True))
            return {"batch_size": int(raw["batch_size"]), "device": str(raw["device"]), **cells}
    return {}


def _read(path: pathlib.Path, take: Callable, absent):
    """What `take` finds in a JSON file, or `absent` where there is no file."""
    try:
        return take(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return absent
    except KeyError as error:
        raise OdeltError(f"{path} is damaged: it has no {error}; delete it and let the workflow remake it") from None
    except (OSError, ValueError, TypeError) as error:
        told = " ".join(str(error).split())
        raise OdeltError(f"{path} is damaged: {told}; delete it and let the workflow remake it") from None


def _steps(row: Row) -> int:
    return Solver.parse(row["solver"]).steps


def _euler_ema(rows: Iterable[Row]) -> list[Row]:
    return [row for row in rows if row["weights"] == "ema" and not Solver.parse(row["solver"]).adaptive]


def _baselines(euler: Iterable[Row]) -> dict[tuple[int, float], Row]:
    """For each T and guidance the first timed row on the full path: what latencies are relative to."""
    baselines: dict[tuple[int, float], Row] = {}
    for row in euler:
        if row["length"] == FULL and row["latency_s"] != NOT_RUN:
            baselines.setdefault((_steps(row), row["guidance"]), row)
    return baselines


def _trade_off(rows: Iterable[Row], steps: Sequence[int]) -> list[dict]:
    """A row per TRADE_OFF_KEY in the order of the grid; what the grid lacks is NOT_RUN, as what has not been run."""
    euler = _euler_ema(rows)
    baselines = _baselines(euler)
    table: dict[tuple, dict] = {}
    for row in euler:
        empty = {f"{name}_T{T}": NOT_RUN for name in TRADE_OFF for T in steps}
        key = {column: row[column] for column in TRADE_OFF_KEY}
        cells = table.setdefault(tuple(key.values()), {**key, **empty})
        T = _steps(row)
        cells[f"frechet_distance_T{T}"] = row["frechet_distance"]
        cells[f"agreement_T{T}"] = row["agreement"]
        baseline = baselines.get((T, row["guidance"]))
        if baseline and row["latency_s"] != NOT_RUN:
            cells[f"relative_latency_T{T}"] = row["latency_s"] / baseline["latency_s"]
    return list(table.values())


def _for_people(row: Row) -> dict[str, str]:
    latency = NOT_RUN
    if row["latency_s"] != NOT_RUN:
        median, q1, q3 = (_milliseconds(row[column]) for column in LATENCY_COLUMNS[:3])
        latency = f"{median} ({q1}–{q3})"
    return {
        "model": row["label"],
        "weights": row["weights"],
        "length (blocks)": _length(row),
        "solver": row["solver"] if row["d"] is None else f"{row['solver']}, d = {row['d']}",
        "guidance": f"{row['guidance']:g}",
        "seed": str(row["seed"]),
        "evaluations": _shown(row["evaluations"], "{:.4g}"),
        "Fréchet distance": _shown(row["frechet_distance"], "{:.2f}"),
        "agreement": _shown(row["agreement"], "{:.1%}"),
        "latency, ms": latency,
        "memory, MiB": _shown(row["peak_bytes"], "{:.1f}", 2**20),
        **{column: _shown(row[column], "{:.2f}") for column in ("published", "difference", "verdict")},
    }


def _trade_off_for_people(row: dict, steps: Sequence[int]) -> dict[str, str]:
    formats = {"frechet_distance": "{:.2f}", "relative_latency": "{:.2f}×", "agreement": "{:.1%}"}
    told = {"model": row["label"], "length (blocks)": _length(row), "guidance": f"{row['guidance']:g}"}
    told["seed"] = str(row["seed"])
    for name, heading in TRADE_OFF.items():
        told |= {f"{heading}, T = {T}": _shown(row[f"{name}_T{T}"], formats[name]) for T in steps}
    return told


def _grid_caption(rows: Sequence[Row]) -> str:
    return (
        "Length: blocks asked for, and in brackets those that act; “full” is the conventional path without inner ODE. "
        "Evaluations: of the vector field, mean per sample. "
        f"Fréchet distance: to the real data, over {_told(row.samples for row in rows)} samples; {_floor(rows)}. "
        "Agreement: share of the samples that an independent classifier gives the label that was asked for. "
        f"Latency: of a batch of {_told(row.batch_size for row in rows)} on {_told(row.device for row in rows)}, "
        "median (quartiles). Memory: the peak of that program, weights included. "
        "Difference: measured less published."
    )


def _trade_off_caption(rows: Sequence[Row]) -> str:
    labels = _told(row["label"] for row in _baselines(_euler_ema(rows)).values())
    relative = "the full path, which was not timed," if labels == NOT_RUN else f"{labels} on the full path"
    return (
        "EMA weights, Euler's method in T steps. Length: blocks asked for, and in brackets those that act. "
        f"Fréchet distance: over {_told(row.samples for row in rows)} samples; {_floor(rows)}. "
        f"Latency: relative to {relative} at the same T, batches of {_told(row.batch_size for row in rows)} "
        f"on {_told(row.device for row in rows)}. "
        "Agreement: share of the samples that an independent classifier gives the label that was asked for."
    )


def _floor(rows: Iterable[Row]) -> str:
    told = _told(_shown(row["floor"], "{:.2f}") for row in rows)
    return f"two random halves of the real data are {told} apart" if told != NOT_RUN else "its floor was not run"


def _told(values: Iterable) -> str:
    """The different values, in order, None left out: "1797", "64 and 256"."""
    known = dict.fromkeys(str(value) for value in values if value is not None)
    return " and ".join(known) or NOT_RUN


def _title(what: str, rows: Sequence[Row]) -> str:
    return f"# {what}: {', '.join(dict.fromkeys(row['experiment'] for row in rows))}"


def _length(row: dict) -> str:
    return f"{row['length']} ({row['effective_blocks']})"


def _milliseconds(seconds: float) -> str:
    """Hundredths of a millisecond below 100 ms, whole milliseconds from there on."""
    return f"{1000 * seconds:.2f}" if seconds < 0.1 else f"{1000 * seconds:.0f}"


def _shown(value: float | str, form: str, unit: float = 1) -> str:
    return value if isinstance(value, str) else form.format(value / unit)


def _markdown(table: Sequence[dict[str, str]]) -> str:
    if not table:
        return "The grid has no such point."
    lines = [list(table[0]), ["---"] * len(table[0]), *(row.values() for row in table)]
    return "\n".join("| " + " | ".join(cell.replace("|", r"\|") for cell in line) + " |" for line in lines)


def _write_csv(out: pathlib.Path, columns: Sequence[str], table: Iterable[dict]) -> None:
    with files.writing(_beside(out, ".csv")) as draft, draft.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(table)


def _beside(out: pathlib.Path, suffix: str) -> pathlib.Path:
    """`out` with a suffix added, not exchanged: a name may hold a full stop."""
    return out.with_name(out.name + suffix)
