"""The latency study's table and figure: each length's time and memory with SM's, and the paper's ratio."""

import pathlib
from collections.abc import Sequence
from typing import Any

import matplotlib
from matplotlib.figure import Figure

from odelt.config import Length
from odelt.publishing import figures, text
from odelt.publishing.entries import or_not_run
from odelt.publishing.text import Line, Number
from odelt.results.columns import FLOPS, LATENCY, MEMORY, WEIGHT_MEMORY, Column
from odelt.results.latency_study import StudyRow
from odelt.results.verdicts import NOT_RUN

NUMBERS = (
    *("latency_s", "latency_min_s", "latency_q1_s", "latency_q3_s", "compile_s"),
    *("peak_bytes", "weight_bytes", "flops"),
)
RATIOS = {"relative_latency": LATENCY, "relative_peak": MEMORY, "relative_weights": WEIGHT_MEMORY}


def write(rows: Sequence[StudyRow], out: pathlib.Path) -> None:
    """Writes `<out>.csv` in full precision and `<out>.md` for people."""
    timings = [row.measured for row in rows if row.measured]
    caption = (
        "Random weights. Length: blocks asked for, and in brackets those that act; “full” is SM's conventional path. "
        f"Latency: {text.timing_caption(timings)}, median (quartiles), compiled, waited for, in rounds. “/ SM”: over "
        f"that of the full path at the same T. {FLOPS.caption} Memory: the peak of the program, weights included. "
        f"Published: the authors' latency over their SM's; theirs include compilation (SPEC 6). "
        f"{text.disturbed_caption(timings)}"
    ).strip()
    in_full = [_in_full(row) for row in rows]
    text.write(out, list(in_full[0]), in_full, "# Latency study", [_for_people(row) for row in rows], caption)


def figure(rows: Sequence[StudyRow], out: pathlib.Path) -> None:
    """Draws latency over SM's against the blocks that act, a panel per network. Dashed: proportional to the blocks."""
    measured = [row for row in rows if row.ratio(LATENCY) is not None]
    with matplotlib.rc_context(figures.STYLE):
        if not measured:
            return figures.save(figures.not_run_yet("Latency against blocks"), out)
        networks = list(dict.fromkeys(row.network for row in measured))
        drawn = Figure(figsize=(1 + 4 * len(networks), 4), layout="constrained")
        panels = drawn.subplots(1, len(networks), squeeze=False, sharey=True)[0]
        for axes, network in zip(panels, networks, strict=True):
            _draw(axes, [row for row in measured if row.network == network])
        panels[0].set_ylabel("Latency over that of SM's full path")
        panels[0].legend(frameon=False)
        figures.save(drawn, out)


def _draw(axes, rows: Sequence[StudyRow]) -> None:
    full = max(row.effective_blocks for row in rows)
    axes.plot([0, full], [0, 1], linestyle="--", color=figures.FLOOR_COLOUR, linewidth=1, label="in proportion")
    for k, solver in enumerate(dict.fromkeys(row.solver for row in rows)):
        style = figures.style_of(k)
        ours = [row for row in rows if row.solver == solver and row.length is not None]
        axes.plot(_blocks(ours), [row.ratio(LATENCY) for row in ours], label=f"$T = {solver.label}$", **style)
        published = [row for row in ours if row.published_ratio is not None]
        hollow = {**style, "linestyle": "", "markerfacecolor": "none", "markersize": 9}
        axes.plot(_blocks(published), [row.published_ratio for row in published], **hollow)
    axes.set(title=rows[0].network, xlabel="Blocks that act (hollow: published)", xlim=(0, None), ylim=(0, None))
    axes.grid(color="0.92")


def _blocks(rows: Sequence[StudyRow]) -> list[int]:
    return [row.effective_blocks for row in rows]


def _in_full(row: StudyRow) -> dict[str, Any]:
    measured = {
        name: or_not_run(row.measured and getattr(row.measured, name)) for name in (*NUMBERS, "dtype", "device")
    }
    return {
        "network": row.network,
        "length": _length(row),
        "effective_blocks": row.effective_blocks,
        "solver": str(row.solver),
        "guidance": row.guidance,
        "batch_size": row.batch_size,
        **{name: measured.pop(name) for name in NUMBERS},
        **{name: or_not_run(row.ratio(column)) for name, column in RATIOS.items()},
        "published_relative_latency": row.published_ratio,
        **measured,
    }


def _length(row: StudyRow) -> int | str:
    return Length(row.length).cell


def _for_people(row: StudyRow) -> Line:
    return {
        "network": row.network,
        "length (blocks)": f"{_length(row)} ({row.effective_blocks})",
        "T": row.solver.label,
        "guidance": f"{row.guidance:g}",
        "batch": str(row.batch_size),
        **_with_ratio(row, LATENCY, "/ SM"),
        "published": "" if row.published_ratio is None else f"{row.published_ratio:.3f}",
        FLOPS.heading: text.timed(row.measured, FLOPS, [row.measured.file]) if row.measured else NOT_RUN,
        **_with_ratio(row, MEMORY, "memory / SM"),
        **_with_ratio(row, WEIGHT_MEMORY, "weights / SM"),
    }


def _with_ratio(row: StudyRow, column: Column, heading: str) -> Line:
    """Returns what was measured, and its ratio to that of SM's full path."""
    if row.measured is None:
        return {column.heading: NOT_RUN, heading: NOT_RUN}
    shown: dict[str, str | Number] = {column.heading: text.timed(row.measured, column, [row.measured.file])}
    value = row.ratio(column)
    if row.baseline is None or value is None:
        return shown | {heading: NOT_RUN}
    return shown | {heading: Number(f"{value:.3f}", [row.measured.file, row.baseline.file], value)}
