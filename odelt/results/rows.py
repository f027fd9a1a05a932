"""Reads the rows of the tables: one per grid point, from its score and its latency."""

import dataclasses
import json
import pathlib
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from odelt import files, trace
from odelt.config import Experiment, Inception, Length, network_of
from odelt.errors import OdeltError
from odelt.layout.grid import Point, points, program_of, runs
from odelt.layout.paths import ExperimentPaths
from odelt.quoting import one_line
from odelt.results import columns
from odelt.results.columns import FRECHET, Column, of_statistics
from odelt.results.row import Cell, Row, Score, Timing

RECOMPUTED = "recomputed"  # the label of the reference statistics that the workflow makes itself (SPEC 6)
T = TypeVar("T")


def rows(
    experiment_name: str,
    experiment: Experiment,
    layout: ExperimentPaths,
    chosen: Sequence[Point] | None = None,
) -> list[Row]:
    """Returns a row per point of the experiment's grid, or per `chosen` point, in that order, with the same columns.

    A dataset scored with Inception has an FID per reference statistics; its Fréchet distance is the first of these.

    Raises:
        OdeltError: a score, latency or floor file is damaged; the line names it.
    """
    asked = points(experiment) if chosen is None else chosen
    scores = {point: _score(experiment, layout, point) for point in asked}
    shown = _columns(experiment, [score for score in scores.values() if score])
    floor = None
    if any(column.file == "floor" for column in shown):
        floor = read_json(layout.floor, lambda raw: float(raw["frechet_distance"]))
    made = []
    for point, score in scores.items():
        run, length = runs(experiment)[point.group.model], point.group.length
        condition = (point.group.weights, point.guidance, point.d)
        made.append(
            Row(
                cell=Cell(experiment_name, run.model, length, point.solver, *condition),
                label=run.label,
                effective_blocks=network_of(experiment).effective_blocks(length),
                classes=experiment.dataset.classes,
                columns=shown,
                seeds=(run.seed,),
                scores=(score,) if score else (),
                floor=floor,
                timing=_timing(layout, run.model, point, score),
            )
        )
    return made


def _columns(experiment: Experiment, scores: Sequence[Score]) -> tuple[Column, ...]:
    """Returns the columns that every row of the experiment has."""
    small = not isinstance(experiment.features, Inception)
    made = []
    for column in columns.COLUMNS:
        required = small if column.required == "small" else column.required or column.file == "latency"
        if column is FRECHET and isinstance(experiment.features, Inception):
            made.append(dataclasses.replace(column, heading=""))
            made += map(of_statistics, (*experiment.features.references, RECOMPUTED))
        elif required or any(column.name in score.values for score in scores):
            made.append(column)
    return tuple(made)


def _score(experiment: Experiment, layout: ExperimentPaths, point: Point) -> Score | None:
    path = layout.score(point)

    def take(raw: dict) -> Score:
        required = (column.name for column in columns.COLUMNS if column.file == "score" and column.required is True)
        values = _by_column(raw) | {name: float(raw[name]) for name in required}
        seed = runs(experiment)[point.group.model].seed
        errors = _by_column(raw.get("standard_error", {}))  # older scores have none
        return Score(path.relative_to(layout.root).as_posix(), seed, int(raw["samples"]), values, errors)

    return read_json(path, take)


def _by_column(raw: dict) -> dict[str, float]:
    """Returns the numbers of columns that a score, or its part of standard errors, holds."""
    names = (column.name for column in columns.COLUMNS if column.file == "score" and column.name in raw)
    of_statistics = {f"fid_{label}": float(value) for label, value in raw.get("fid", {}).items()}
    return of_statistics | {name: float(raw[name]) for name in names}


def _timing(layout: ExperimentPaths, model: str, point: Point, score: Score | None) -> Timing | None:
    """Returns the timing of the point's program, which all models share; None if it was not timed.

    An adaptive solver takes the time of an evaluation as often as its score says, and is not timed without one.
    """
    path, program = layout.latency, program_of(point)
    file, wanted = path.relative_to(layout.root).as_posix(), (Length(program.length).cell, str(program.solver))

    def take(raw: dict) -> Timing | None:
        for each in raw["points"]:
            if (each["length"], each["solver"], each["guided"]) == (*wanted, program.guided):
                if point.solver.method.fixed:
                    return Timing.of(file, raw, each)
                largest = score and score.values.get("largest_evaluations")
                return Timing.of(file, raw, each, largest / each["evaluations"]) if largest else None
        return None

    if not path.exists():
        return _older_timing(layout.latency_of_model(model, point.group.length), layout, point)
    return read_json(path, take)


def _older_timing(path: pathlib.Path, layout: ExperimentPaths, point: Point) -> Timing | None:
    """Returns the point's timing from a file of older versions, which timed each model."""
    file, wanted = path.relative_to(layout.root).as_posix(), (str(point.solver), point.d, point.guidance)

    def take(raw: dict) -> Timing | None:
        timed = (each for each in raw["points"] if (each["solver"], each["d"], each["guidance"]) == wanted)
        return next((Timing.of(file, raw, each) for each in timed), None)

    return read_json(path, take)


def read_json(path: pathlib.Path, take: Callable[[dict], T]) -> T | None:
    """Returns what `take` makes of a JSON file's content; None if there is no file."""
    files.require_regular(path, "scores or latencies")
    trace.used(path)
    try:
        return take(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except KeyError as error:
        reason = f"it has no {one_line(error)}"
    except (OSError, ValueError, TypeError, AttributeError) as error:
        reason = one_line(error)
    raise OdeltError(f"{path} is damaged: {reason}; delete it and let the workflow remake it")


def distinct(values: Iterable) -> str:
    """Returns the different values, in order and without None: "1797", "64 and 256". Empty if there are none."""
    return " and ".join(dict.fromkeys(str(value) for value in values if value is not None))
