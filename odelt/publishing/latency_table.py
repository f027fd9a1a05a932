"""The latency study's table and figure: each length's time and memory with SM's, and the paper's ratio."""

import pathlib
from collections.abc import Sequence

import matplotlib
from matplotlib.figure import Figure

from odelt.config import Length, Solver
from odelt.config.latency_study import LatencyStudy
from odelt.layout.paths import StudyPaths
from odelt.publishing import figures, text
from odelt.publishing.text import MIB, shown
from odelt.results.belongings import Cell
from odelt.results.references import References
from odelt.results.rows import FULL, distinct, read_json
from odelt.results.verdicts import NOT_RUN

RATIOS = {"latency_s": "relative_latency", "peak_bytes": "relative_peak", "weight_bytes": "relative_weights"}
MEASURED = ("latency_s", "latency_q1_s", "latency_q3_s", "compile_s", "peak_bytes", "weight_bytes", "flops")
COLUMNS = (
    *("network", "length", "effective_blocks", "solver", "guidance", "batch_size", *MEASURED, *RATIOS.values()),
    *("published_relative_latency", "dtype", "device"),
)


def rows(study: LatencyStudy, results: pathlib.Path, published: References) -> list[dict]:
    """Returns a row per network, length (SM's full path first) and solver. Numbers not measured are NOT_RUN.

    Ratios are to the full path with the same network and solver.

    Raises:
        OdeltError: a measurement's file is damaged; the line names it.
    """
    made = []
    for name, studied in study.networks.items():
        baselines: dict[str, dict] = {}
        for length in (None, *studied.network.lengths):
            path = StudyPaths(results).measured(name, Length(length).name)
            points = read_json(path, lambda raw: {point["solver"]: _cells(raw, point) for point in raw["points"]}, {})
            for solver in study.solvers:
                row = dict.fromkeys(COLUMNS, NOT_RUN) | {
                    "network": name,
                    "length": Length(length).cell,
                    "effective_blocks": studied.network.effective_blocks(length),
                    "solver": str(solver),
                    "guidance": studied.guidance,
                    "batch_size": studied.batch_size,
                    "published_relative_latency": _published(published, studied.published, length, solver),
                    **points.get(str(solver), {}),
                }
                baseline = baselines.setdefault(str(solver), row)
                for column, ratio in RATIOS.items():
                    if NOT_RUN not in (row[column], baseline[column]):
                        row[ratio] = row[column] / baseline[column]
                made.append(row)
    return made


def write(rows: Sequence[dict], out: pathlib.Path) -> None:
    """Writes `<out>.csv` in full precision and `<out>.md` for people."""
    text.write_csv(out, COLUMNS, rows)
    devices = text.plain(distinct(row["device"] for row in rows if row["device"] != NOT_RUN))
    caption = (
        "Random weights. Length: blocks asked for, and in brackets those that act; “full” is SM's conventional path. "
        f"Latency of a batch on {devices}, median (quartiles), compiled and waited for. “/ SM”: over that of the full "
        "path at the same T. Memory: the peak of the program, weights included. Published: the authors' latency over "
        "their SM's; theirs include compilation (SPEC 6)."
    )
    text.write_markdown(out, "# Latency study", text.markdown([_for_people(row) for row in rows]), caption)


def figure(rows: Sequence[dict], out: pathlib.Path) -> None:
    """Draws latency over SM's against the blocks that act, a panel per network. Dashed: proportional to the blocks."""
    measured = [row for row in rows if row["relative_latency"] != NOT_RUN]
    with matplotlib.rc_context(figures.STYLE):
        if not measured:
            return figures.save(figures.not_run_yet("Latency against blocks"), out)
        networks = list(dict.fromkeys(row["network"] for row in measured))
        drawn = Figure(figsize=(1 + 4 * len(networks), 4), layout="constrained")
        panels = drawn.subplots(1, len(networks), squeeze=False, sharey=True)[0]
        for axes, network in zip(panels, networks, strict=True):
            of_network = [row for row in measured if row["network"] == network]
            _draw(axes, of_network)
        panels[0].set_ylabel("Latency over that of SM's full path")
        panels[0].legend(frameon=False)
        figures.save(drawn, out)


def _draw(axes, rows: Sequence[dict]) -> None:
    full = max(row["effective_blocks"] for row in rows)
    axes.plot([0, full], [0, 1], linestyle="--", color=figures.FLOOR_COLOUR, linewidth=1, label="in proportion")
    for k, solver in enumerate(dict.fromkeys(row["solver"] for row in rows)):
        style = figures.style_of(k)
        ours = [row for row in rows if row["solver"] == solver and row["length"] != FULL]
        name = f"$T = {Solver.parse(solver).label}$"
        axes.plot(_blocks(ours), [row["relative_latency"] for row in ours], label=name, **style)
        published = [row for row in ours if row["published_relative_latency"] != ""]
        hollow = {**style, "linestyle": "", "markerfacecolor": "none", "markersize": 9}
        axes.plot(_blocks(published), [row["published_relative_latency"] for row in published], **hollow)
    axes.set(title=rows[0]["network"], xlabel="Blocks that act (hollow: published)", xlim=(0, None), ylim=(0, None))
    axes.grid(color="0.92")


def _blocks(rows: Sequence[dict]) -> list[int]:
    return [row["effective_blocks"] for row in rows]


def _cells(raw: dict, point: dict) -> dict:
    seconds = [float(point["seconds"][name]) for name in ("median", "q1", "q3")]
    values = (*seconds, float(point["compile_s"]), int(point["peak_bytes"]), int(raw["weight_bytes"]), point["flops"])
    return dict(zip(MEASURED, values, strict=True)) | {"dtype": str(raw["dtype"]), "device": str(raw["device"])}


def _published(published: References, experiment: str | None, length: int | None, solver: Solver) -> float | str:
    """Returns the published ratio; empty if there is none."""
    if experiment is None:
        return ""
    ratio = published.relative_latency(Cell(experiment, "sm" if length is None else "odelt", length, solver))
    return "" if ratio is None else ratio


def _for_people(row: dict) -> dict[str, str]:
    return {
        "network": row["network"],
        "length (blocks)": text.length(row),
        "T": Solver.parse(row["solver"]).label,
        "guidance": f"{row['guidance']:g}",
        "batch": str(row["batch_size"]),
        "latency, ms": text.latency(row),
        "/ SM": shown(row["relative_latency"], "{:.3f}"),
        "published": shown(row["published_relative_latency"], "{:.3f}"),
        "memory, MiB": shown(row["peak_bytes"], "{:.1f}", MIB),
        "memory / SM": shown(row["relative_peak"], "{:.3f}"),
        "weights, MiB": shown(row["weight_bytes"], "{:.1f}", MIB),
        "weights / SM": shown(row["relative_weights"], "{:.3f}"),
    }
