"""Mean and standard deviation over the seeds of a model."""

import copy
import statistics
from collections.abc import Iterable, Sequence

from odelt.errors import OdeltError
from odelt.results.metrics import is_distance, is_measured
from odelt.results.row import Row
from odelt.results.verdicts import NOT_RUN, verdict

# Two cells differ in one of these. Rows that agree in all of them differ only in their seed.
CELL = ("experiment", "model", "weights", "length", "solver", "d", "guidance")
# Other columns in which the seeds of a cell may differ: each is made anew for the cell.
OF_THE_SEED = ("seed", "score", "difference", "verdict")


def over_seeds(rows: Iterable[Row]) -> list[Row]:
    """Returns one row per cell, in the order of the rows.

    `seed` becomes `seeds`, the seeds that were scored ("10 20 30"), `seeds_run`, their number, and `seeds_wanted`, the
    number of all. A measured column is the mean over them, `<column>_std` its standard deviation (n − 1; None with
    fewer than two), and `score` holds all their ids. Difference and verdict are those of the mean. The seeds share
    latency and memory, because only one of them is timed.

    Raises:
        OdeltError: the seeds of a cell differ in a column that is not known as measured.
    """
    return [_over_seeds(cell) for cell in _cells(rows)]


def spreads(rows: Sequence[Row]) -> dict[int, dict[str, float | None]]:
    """Returns for each row, by its index, the standard deviation of every FID column over its cell's seeds."""
    index_of = {id(row): k for k, row in enumerate(rows)}
    by_row = {}
    for cell in _cells(rows):
        deviations = {column: deviation(cell, column) for column in cell[0] if is_distance(column)}
        by_row |= {index_of[id(row)]: deviations for row in cell}
    return by_row


def deviation(cell: Sequence[Row], column: str) -> float | None:
    values = _values(cell, column)
    return statistics.stdev(values) if len(values) > 1 else None


def compared_column(statistics: str) -> str:
    """Returns the column of the FID for these reference statistics; empty means the first ones."""
    return f"fid_{statistics}" if statistics else "frechet_distance"


def judged(row: Row, deviation: float | None) -> dict:
    """Returns the difference to the row's published number, and the verdict. `deviation` is that over seeds."""
    ours = row.get(compared_column(row["published_statistics"]), NOT_RUN)
    ours = None if ours == NOT_RUN else ours
    return {
        "difference": "" if ours is None else ours - row["published"],
        "verdict": verdict(ours, row["published"], deviation, row["published_std"] or None),
    }


def _cells(rows: Iterable[Row]) -> list[list[Row]]:
    cells: dict[tuple, list[Row]] = {}
    for row in rows:
        cells.setdefault(tuple(row[column] for column in CELL), []).append(row)
    return list(cells.values())


def _over_seeds(cell: Sequence[Row]) -> Row:
    run = [row for row in cell if row["frechet_distance"] != NOT_RUN]
    row = copy.copy(cell[0])  # a Row keeps what its caption says
    row.samples = next((of_seed.samples for of_seed in run), None)
    del row["seed"]
    row["seeds"] = " ".join(str(of_seed["seed"]) for of_seed in run)
    row["seeds_run"], row["seeds_wanted"] = len(run), len(cell)
    row["score"] = " ".join(of_seed["score"] for of_seed in run)
    for column in [column for column in cell[0] if column not in OF_THE_SEED]:
        if not is_measured(column):
            _check_shared(cell, column)
            continue
        values = _values(cell, column)
        row[column] = statistics.fmean(values) if values else NOT_RUN
        row[f"{column}_std"] = deviation(cell, column)
    if isinstance(row["published"], float):
        row |= judged(row, row.get(f"{compared_column(row['published_statistics'])}_std"))
    return row


def _values(cell: Sequence[Row], column: str) -> list[float]:
    return [row[column] for row in cell if row[column] != NOT_RUN]


def _check_shared(cell: Sequence[Row], column: str) -> None:
    if any(row[column] != cell[0][column] for row in cell):
        what = f"{cell[0]['experiment']}, {cell[0]['model']}"
        raise OdeltError(
            f"the seeds of {what} differ in the column '{column}', which has no mean; "
            "name it in METRICS of odelt/publishing/metrics.py if it is measured"
        )
