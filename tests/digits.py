"""Score and latency files of mini's experiment, as if its grid had been run; and their rows."""

import json
import pathlib

import pytest

from odelt.config import load_suite
from odelt.layout.grid import latency_points, points
from odelt.layout.paths import ExperimentPaths
from odelt.results.rows import rows

MINI = pathlib.Path(__file__).parents[1] / "config" / "mini.yaml"
DIGITS = load_suite(MINI).experiments["digits"]
SECONDS_PER_BLOCK = 0.01  # of one evaluation: l = 2 takes a third of the full path's six blocks


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")


def write_score(layout, point, distance):
    evaluations = point.solver.T or 40
    write(
        layout.score(point),
        {"samples": 1797, "evaluations": evaluations, "frechet_distance": distance, "agreement": 0.9},
    )


def write_latency(layout, model, length, timed):
    entries = []
    for point in timed:
        median = (point.solver.T or 40) * (length or 6) * SECONDS_PER_BLOCK
        seconds = {"median": median, "q1": median * 0.9, "q3": median * 1.1}
        entry = {"solver": str(point.solver), "d": point.d, "guidance": point.guidance, "seconds": seconds}
        entries.append({**entry, "compile_s": 1.0, "peak_bytes": 3 * 2**20, "evaluations": 1.0})
    write(layout.latency(model, length), {"batch_size": 256, "device": "a laptop, 2 cores", "points": entries})


@pytest.fixture
def layout(tmp_path):
    """All files of the experiment; the k-th point's Fréchet distance is k + 1/3."""
    layout = ExperimentPaths(tmp_path / "digits")
    for k, point in enumerate(points(DIGITS)):
        write_score(layout, point, k + 1 / 3)
    for (model, length), timed in latency_points(DIGITS).items():
        write_latency(layout, model, length, timed)
    write(layout.floor, {"frechet_distance": 0.64, "images": 1797})
    return layout


def rows_of(layout):
    return rows("digits", DIGITS, layout)
