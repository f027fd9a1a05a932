"""The rows of the tables: one per grid point, from its score, its latency and what is published for it."""

import json
import pathlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from odelt import files, trace
from odelt.config import Experiment, Inception, Length, Solver, network_of
from odelt.errors import OdeltError
from odelt.layout.grid import Point, points, runs
from odelt.layout.paths import ExperimentPaths
from odelt.quoting import one_line
from odelt.results.belongings import Cell
from odelt.results.metrics import METRICS, SCORE_COLUMNS
from odelt.results.references import References
from odelt.results.row import Row
from odelt.results.seeds import compared_column, judged, spreads
from odelt.results.verdicts import NOT_RUN, NOTHING_PUBLISHED

FULL = Length(None).cell
RECOMPUTED = "recomputed"  # the label of the reference statistics that the workflow makes itself (SPEC 6)

IDENTITY = (
    *("experiment", "model", "label", "weights", "length", "effective_blocks", "solver", "d", "guidance", "seed"),
)
LATENCY_COLUMNS = ("latency_s", "latency_q1_s", "latency_q3_s", "peak_bytes")
PUBLISHED_COLUMNS = (
    *("published", "published_std", "published_source", "published_statistics", "published_ambiguous"),
    *("published_others", "difference", "verdict"),
)
R = TypeVar("R", bound=Mapping[str, Any])
Setting = tuple[int | None, Any]  # T and guidance, a number or, of a CSV file, its text


def rows(
    experiment_name: str,
    experiment: Experiment,
    layout: ExperimentPaths,
    *,
    references: References | None = None,
    chosen: Sequence[Point] | None = None,
) -> list[Row]:
    """Returns a row per point of the experiment's grid, or per `chosen` point, in that order, with the same columns.

    Digits have `floor` and `agreement`. A dataset scored with Inception has a `fid_<label>` per reference statistics,
    and its `frechet_distance` is the FID of the first ones. Both have the columns of METRICS that their scores hold.

    Raises:
        OdeltError: a score, latency or floor file is damaged; the line names it.
    """
    scores = {
        point: read_json(layout.score(point), _score_cells, absent={})
        for point in (points(experiment) if chosen is None else chosen)
    }
    columns = _columns(experiment, list(scores.values()))
    shared = {}
    if "floor" in columns:
        shared["floor"] = read_json(layout.floor, lambda raw: float(raw["frechet_distance"]), absent=NOT_RUN)
    made = [_row(experiment_name, experiment, layout, point, {**shared, **scores[point]}, columns) for point in scores]
    _compare(made, references)
    return made


def fid_labels(row: Mapping[str, Any]) -> list[str]:
    """Returns the labels of the row's FIDs, in the order of the configuration; none with digits."""
    return [column.removeprefix("fid_") for column in row if column.startswith("fid_") and not _derived(column)]


def steps(row: Mapping[str, Any]) -> int | None:
    """Returns T of Euler's method; None for an adaptive solver."""
    return Solver.parse(row["solver"]).T


def cell_of(row: Mapping[str, Any]) -> Cell:
    """Returns the cell of the grid that a row belongs to."""
    length = None if row["length"] == FULL else row["length"]
    where = {column: row[column] for column in ("experiment", "model", "weights", "guidance", "d")}
    return Cell(**where, length=length, solver=Solver.parse(row["solver"]))


def baselines(rows: Iterable[R]) -> dict[Setting, R]:
    """Returns for each T and guidance the first timed Euler row on the full path. Latencies are relative to it."""
    first_rows: dict[Setting, R] = {}
    for row in rows:
        if row["length"] == FULL and row["latency_s"] != NOT_RUN and steps(row) is not None:
            first_rows.setdefault((steps(row), row["guidance"]), row)
    return first_rows


def _derived(column: str) -> bool:
    return column in METRICS or column.endswith("_std")


def _columns(experiment: Experiment, scores: Sequence[dict]) -> list[str]:
    if isinstance(experiment.features, Inception):
        columns, expected = [f"fid_{label}" for label in (*experiment.features.references, RECOMPUTED)], ()
    else:
        columns, expected = ["floor"], ("agreement",)
    columns += [column for column in METRICS if column in expected or any(column in score for score in scores)]
    return [*IDENTITY, *SCORE_COLUMNS, *columns, *LATENCY_COLUMNS, *PUBLISHED_COLUMNS, "score"]


def _row(
    name: str, experiment: Experiment, layout: ExperimentPaths, point: Point, score: dict, columns: Sequence[str]
) -> Row:
    run, length = runs(experiment)[point.group.model], point.group.length
    latency = read_json(layout.latency(run.model, length), lambda raw: _latency_cells(raw, point), absent={})
    cells = {
        "experiment": name,
        "model": run.model,
        "label": run.label,
        "weights": point.group.weights,
        "length": Length(length).cell,
        "effective_blocks": network_of(experiment).effective_blocks(length),
        "solver": str(point.solver),
        "d": point.d,
        "guidance": point.guidance,
        "seed": "" if run.seed is None else run.seed,  # the seed of downloaded weights is not known
        **score,
        **latency,
        **dict.fromkeys(PUBLISHED_COLUMNS, ""),
        "score": layout.score(point).relative_to(layout.root).as_posix() if "frechet_distance" in score else "",
    }
    row = Row((column, cells.get(column, NOT_RUN)) for column in columns)
    row.classes = experiment.dataset.classes
    row.samples, row.batch_size, row.device = score.get("samples"), latency.get("batch_size"), latency.get("device")
    return row


def _compare(rows: Sequence[Row], references: References | None) -> None:
    """Fills the published columns of each row. The spread of a model with several seeds counts for each of them."""
    spread = spreads(rows)
    for k, row in enumerate(rows):
        published = references.published(cell_of(row)) if references else []
        if not published:
            row |= {"published": NOTHING_PUBLISHED, "verdict": NOTHING_PUBLISHED}
            continue
        first, *others = published
        assert first.value is not None  # each FID is a number
        row |= {
            "published": float(first.value),
            "published_std": "" if first.deviation is None else first.deviation,
            "published_source": first.source,
            "published_statistics": first.statistics,
            "published_ambiguous": "yes" if first.ambiguous else "",
            "published_others": "; ".join(f"{other.value:g} ({other.source}, {other.statistics})" for other in others),
        }
        row |= judged(row, spread[k].get(compared_column(first.statistics)))


def _score_cells(raw: dict) -> dict:
    cells = {"samples": int(raw["samples"]), **{column: float(raw[column]) for column in SCORE_COLUMNS}}
    cells |= {f"fid_{label}": float(value) for label, value in raw.get("fid", {}).items()}
    return cells | {column: float(raw[column]) for column in METRICS if column in raw}


def _latency_cells(raw: dict, point: Point) -> dict:
    """Returns the cells of this point's timing, which all weights share; empty if the file has none."""
    wanted = (str(point.solver), point.d, point.guidance)
    for timed in raw["points"]:
        if (timed["solver"], timed["d"], timed["guidance"]) == wanted:
            seconds = [float(timed["seconds"][name]) for name in ("median", "q1", "q3")]
            cells = dict(zip(LATENCY_COLUMNS, [*seconds, int(timed["peak_bytes"])], strict=True))
            return {"batch_size": int(raw["batch_size"]), "device": str(raw["device"]), **cells}
    return {}


def read_json(path: pathlib.Path, take: Callable, absent):
    """Returns what `take` makes of a JSON file's content, or `absent` if there is no file."""
    files.require_regular(path, "scores or latencies")
    trace.used(path)
    try:
        return take(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return absent
    except KeyError as error:
        raise OdeltError(
            f"{path} is damaged: it has no {one_line(error)}; delete it and let the workflow remake it"
        ) from None
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise OdeltError(f"{path} is damaged: {one_line(error)}; delete it and let the workflow remake it") from None


def distinct(values: Iterable) -> str:
    """Returns the different values, in order and without None: "1797", "64 and 256"."""
    known = dict.fromkeys(str(value) for value in values if value is not None)
    return " and ".join(known) or NOT_RUN
