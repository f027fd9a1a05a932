"""The figures, each as `<out>.svg` and `<out>.png`: the same input gives the same SVG to the byte."""

import csv
import pathlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullFormatter
from matplotlib.transforms import Bbox
from matplotlib.typing import RcKeyType

from odelt import files, trace
from odelt.config import FINEST_D
from odelt.errors import OdeltError
from odelt.publishing.text import in_figure
from odelt.quoting import one_line
from odelt.results.columns import FLOPS, LATENCY, Column
from odelt.results.published_grid import PublishedCurve
from odelt.results.row import Row

# Okabe and Ito's colours, told apart with any colour vision. The k-th curve takes the k-th colour and the k-th marker;
# the two lists have no common divisor, so that 63 curves differ.
COLOURS = {
    "blue": "#0072B2",
    "orange": "#E69F00",
    "green": "#009E73",
    "vermillion": "#D55E00",
    "purple": "#CC79A7",
    "sky blue": "#56B4E9",
    "black": "#000000",
}
MARKERS = "os^DvPX<*"
FLOOR_COLOUR = "#666666"
NOTE_SIZE = 7  # points
PUBLISHED_STYLE: dict[str, Any] = {"color": "0.75", "linewidth": 2, "zorder": 0.5}

AXES = {  # what quality is shown against: its name, its axis and the unit of that
    LATENCY.name: ("latency", "Latency per batch (ms)", 1e-3),
    FLOPS.name: ("operations", "Operations per batch (GFLOP)", 1e9),
}
STYLE: dict[RcKeyType, Any] = {
    "svg.hashsalt": "odelt",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
}
LOSSES = {
    "loss": "Loss",
    "flow": "Flow matching",
    "time_consistency": "Time consistency",
    "length_consistency": "Length consistency",
}


def scaling(
    rows: Iterable[Row], out: pathlib.Path, published: Sequence[PublishedCurve] = (), over: Column = LATENCY
) -> None:
    """Fréchet distance against latency or FLOPs, from rows over seeds: EMA weights, a curve per model and length.

    Euler's points are labelled with T; other solvers (d = 7) are hollow markers in their length's style. Published
    curves are behind ours, in grey.
    """
    ema = [
        row for row in rows if row.cell.weights == "ema" and (row.cell.solver.T is not None or row.cell.d == FINEST_D)
    ]
    cost, axis, unit = AXES[over.name]
    run = [
        _Run(row, (value / unit, row.distance))
        for row in ema
        if (value := row.value(over)) is not None and row.distance is not None
    ]
    with matplotlib.rc_context(STYLE):
        if not run:
            return save(not_run_yet(f"Fréchet distance against {cost}"), out)
        figure = Figure(figsize=(8, 5.5), layout="constrained")
        axes = figure.subplots()
        statistics = run[0].row.first_statistics
        distance = f"FID ({statistics} statistics)" if statistics else "Fréchet distance"
        axes.set(xscale="log", yscale="log", xlabel=axis, ylabel=distance)
        axes.set_title(f"Quality against {cost}, by length $l$ and number of steps $T$ (beside the points)")
        axes.margins(0.08)
        _plain_logarithms(axes.xaxis, (1, 2, 5))
        _plain_logarithms(axes.yaxis, (1, 2, 5))
        handles = [*_draw_curves(axes, run), *_draw_published(axes, published)]
        _draw_floor(axes, run)
        axes.legend(handles=handles, loc="upper right", framealpha=1, edgecolor="0.9")
        _annotate(figure, axes, run)
        save(figure, out)


def training_curves(curves: Mapping[str, pathlib.Path], out: pathlib.Path) -> None:
    """The loss and its parts against the step, a panel each, a line per run; parts that are zero are not drawn.

    `curves` are training.csv files by the label of their run; a run without its file is left out.

    Raises:
        OdeltError: a file is damaged; the line names it.
    """
    runs = {label: _read_curve(path) for label, path in curves.items() if path.exists()}
    runs = {label: run for label, run in runs.items() if len(run["step"])}
    drawn = [part for part in LOSSES if any(run[part].any() for run in runs.values())]
    with matplotlib.rc_context(STYLE):
        if not drawn:
            return save(not_run_yet("Training curves"), out)
        figure = Figure(figsize=(1 + 2.7 * len(drawn), 3.4), layout="constrained")
        panels = figure.subplots(1, len(drawn), squeeze=False, sharex=True)[0]
        handles = {}
        for axes, part in zip(panels, drawn, strict=True):
            for k, (label, run) in enumerate(runs.items()):
                if run[part].any():
                    style = {**style_of(k), "markevery": (0.05 + 0.03 * k, 0.2), "markersize": 4, "linewidth": 1}
                    (handles[label],) = axes.plot(run["step"], run[part], label=in_figure(label), **style)
            axes.set(yscale="log", title=LOSSES[part], xlabel="Training step")
            _plain_logarithms(axes.yaxis, (1, 2, 3, 4, 5, 6, 8))
        panels[0].set_ylabel("Mean squared error")
        figure.legend(handles=list(handles.values()), loc="outside lower center", ncols=3, frameon=False)
        save(figure, out)


def style_of(k: int) -> dict:
    return {"color": list(COLOURS.values())[k % len(COLOURS)], "marker": MARKERS[k % len(MARKERS)]}


class _Run(NamedTuple):
    """A row that was run, and its point in the figure: milliseconds or GFLOPs per batch, Fréchet distance."""

    row: Row
    point: tuple[float, float]


def _draw_curves(axes: Axes, runs: Sequence[_Run]) -> list[Line2D]:
    """Draws each model and length; returns the entries of the legend."""
    one_guidance = _one_guidance_each(runs)
    curves: dict[tuple, list[_Run]] = {}
    for run in runs:
        guidance = None if one_guidance else run.row.cell.guidance
        curves.setdefault((run.row.line, run.row.cell.length, run.row.effective_blocks, guidance), []).append(run)
    handles = []
    for k, ((label, length, blocks, guidance), of_curve) in enumerate(curves.items()):
        name = in_figure(label) if length is None else f"{in_figure(label)}, $l = {length}$"
        name += f" ({blocks} blocks)" if length is not None and blocks != length else ""
        name += "" if one_guidance else f", w = {guidance:g}"
        dash = ":" if length is None else "-"
        handles.append(Line2D([], [], label=name, linestyle=dash, **style_of(k)))
        _draw_curve(axes, of_curve, {**style_of(k), "linestyle": dash})
    solvers = (run.row.cell.solver for run in runs)
    if families := dict.fromkeys(solver.method.family for solver in solvers if solver.T is None):
        hollow = {"linestyle": "", "marker": "o", "color": "0.3", "markerfacecolor": "none", "markersize": 9}
        handles.append(Line2D([], [], label=f"hollow: {' and '.join(families)}, d = {FINEST_D}", **hollow))
    return handles


def _one_guidance_each(runs: Sequence[_Run]) -> bool:
    """Whether every model, length and solver was run at one guidance only, so that a curve needs none in its name."""
    known = {(run.row.label, run.row.cell.length, run.row.cell.solver) for run in runs}
    return len(known) == len(runs)


def _draw_curve(axes: Axes, runs: Sequence[_Run], style: dict) -> None:
    """Joins Euler's points in the order of T. Those of other solvers are hollow, each on its own."""
    euler = sorted((run.row.steps, *run.point) for run in runs if run.row.steps is not None)
    axes.plot([x for _, x, _ in euler], [y for _, _, y in euler], markersize=6, linewidth=1.2, **style)
    others = [run.point for run in runs if run.row.steps is None]
    hollow = {**style, "linestyle": "", "markerfacecolor": "none"}
    axes.plot([x for x, _ in others], [y for _, y in others], markersize=9, **hollow)


def _draw_published(axes: Axes, published: Sequence[PublishedCurve]) -> list[Line2D]:
    """Draws published curves in grey, with their length where they begin; returns the entries of the legend."""
    for curve in published:
        x, y = zip(*curve.points, strict=True)
        axes.plot(x, y, **PUBLISHED_STYLE, linestyle=":" if curve.length is None else "-")
        name = "SM" if curve.length is None else f"$l = {curve.length}$"
        style = {"textcoords": "offset points", "fontsize": NOTE_SIZE, "color": FLOOR_COLOUR, "ha": "right"}
        axes.annotate(name, (x[0], y[0]), (-4, 3), **style)
    statistics = dict.fromkeys(f"published, FID ({in_figure(curve.statistics)})" for curve in published)
    return [Line2D([], [], label=f"{each}, latency by its ratio to SM's", **PUBLISHED_STYLE) for each in statistics]


def _draw_floor(axes: Axes, runs: Sequence[_Run]) -> None:
    for floor in sorted({run.row.floor for run in runs if run.row.floor is not None}):
        axes.axhline(floor, color=FLOOR_COLOUR, linestyle="--", linewidth=1, zorder=1)
        text = f"floor: two halves of the real data, {floor:.2f}"
        axes.annotate(
            text, (0, floor), (3, 3), xycoords=("axes fraction", "data"), textcoords="offset points", color=FLOOR_COLOUR
        )


def _annotate(figure: Figure, axes: Axes, runs: Sequence[_Run]) -> None:
    """Writes T (or method and tolerance) beside each point, on the first of four sides that is free.

    Where curves meet, one T serves the points that lie within one and a half label heights of each other.
    """
    figure.draw_without_rendering()  # settles where the axes lie
    points = axes.transData.transform([run.point for run in runs]) * 72 / figure.dpi
    taken = [Bbox.from_bounds(x - 3, y - 3, 6, 6) for x, y in points]
    written: list[tuple[str, np.ndarray]] = []
    for run, point in zip(runs, points, strict=True):
        text = run.row.cell.solver.label
        if any(text == other and np.hypot(*(point - at)) < 1.5 * NOTE_SIZE for other, at in written):
            continue
        width, height = 0.65 * NOTE_SIZE * len(text), NOTE_SIZE
        sides = [
            (5, 4),
            (-5 - width, -4 - height),
            (-5 - width, 4),
            (5, -4 - height),
        ]  # of the text's lower left corner
        boxes = [Bbox.from_bounds(point[0] + right, point[1] + up, width, height) for right, up in sides]
        best = min(range(len(sides)), key=lambda k: (boxes[k].count_overlaps(taken), k))
        taken.append(boxes[best])
        written.append((text, point))
        axes.annotate(text, run.point, sides[best], textcoords="offset points", fontsize=NOTE_SIZE)


def _plain_logarithms(axis: Axis, labelled: Sequence[int]) -> None:
    """Labels these multiples of the powers of ten, as plain numbers, with grid lines."""
    axis.set_major_locator(LogLocator(subs=labelled))
    axis.set_major_formatter("{x:g}")
    axis.set_minor_formatter(NullFormatter())
    axis.grid(which="major", color="0.92")


def _read_curve(path: pathlib.Path) -> dict[str, np.ndarray]:
    """The columns step and LOSSES of a training curve, each float [number of logged steps]."""
    columns = ("step", *LOSSES)
    files.require_regular(path, "training curve")
    trace.used(path)
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            missing = [column for column in columns if column not in (reader.fieldnames or ())]
            if missing:
                raise ValueError(f"it has no column '{missing[0]}'")
            rows = list(reader)
        return {column: np.array([float(row[column]) for row in rows]) for column in columns}
    except (OSError, ValueError, TypeError, csv.Error) as error:
        raise OdeltError(f"{path} is damaged: {one_line(error)}; train this model again") from None


def not_run_yet(title: str) -> Figure:
    figure = Figure(figsize=(6, 3))
    figure.suptitle(title)
    figure.text(0.5, 0.5, "not run yet", ha="center", va="center", fontsize=14, color=FLOOR_COLOUR)
    return figure


def save(figure: Figure, out: pathlib.Path) -> None:
    """Writes `<out>.svg` and `<out>.png`; no date, so that the same figure has the same digest."""
    formats: dict[str, dict[str, Any]] = {".svg": {"metadata": {"Date": None}}, ".png": {"dpi": 150}}
    for suffix, options in formats.items():
        with files.writing(out.with_name(out.name + suffix)) as draft:
            figure.savefig(draft, **options)
