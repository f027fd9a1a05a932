"""Score and latency files of mini's experiment, as if its grid had been run; and their rows."""

import json
import pathlib

import pytest

from odelt.config import load_suite
from odelt.layout.grid import latency_points, points, programs
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
    counts = {"samples": 1797, "evaluations": evaluations, "largest_evaluations": evaluations}
    write(layout.score(point), {**counts, "frechet_distance": distance, "agreement": 0.9})


def timed(program, full, seconds_per_block=SECONDS_PER_BLOCK, spread=0.05):
    """A program's entry in a latency file; an adaptive solver's evaluates 20 times. Quartiles are a spread apart."""
    evaluations = program.solver.T or 20
    median = evaluations * (program.length or full) * seconds_per_block
    seconds = {"minimum": median / 2, "q1": median * (1 - spread), "median": median, "q3": median * (1 + spread)}
    named = {"length": program.length or "full", "solver": str(program.solver), "guided": program.guided}
    measured = {"seconds": seconds, "compile_s": 1.0, "peak_bytes": 3 * 2**20, "flops": 1e9 * median}
    return {**named, **measured, "evaluations": evaluations}


def write_latency(layout, of_programs, **more):
    points = [timed(program, 6, **more) for program in of_programs]
    write(layout.latency, {"batch_size": 256, "device": "a laptop, 2 cores", "load": 0.25, "points": points})


def write_older_latency(layout, model, length):
    """The file of a model at a length, as version 0.2.0 wrote it."""
    entries = []
    for point in latency_points(DIGITS)[model, length]:
        median = (point.solver.T or 40) * (length or 6) * SECONDS_PER_BLOCK
        seconds = {"median": median, "q1": median * 0.9, "q3": median * 1.1}
        entry = {"solver": str(point.solver), "d": point.d, "guidance": point.guidance, "seconds": seconds}
        entries.append({**entry, "compile_s": 1.0, "peak_bytes": 3 * 2**20, "evaluations": 1.0})
    content = {"batch_size": 256, "device": "a laptop, 2 cores", "points": entries}
    write(layout.latency_of_model(model, length), content)


@pytest.fixture
def layout(tmp_path):
    """All files of the experiment; the k-th point's Fréchet distance is k + 1/3."""
    layout = ExperimentPaths(tmp_path / "digits")
    for k, point in enumerate(points(DIGITS)):
        write_score(layout, point, k + 1 / 3)
    write_latency(layout, programs(DIGITS))
    write(layout.floor, {"frechet_distance": 0.64, "images": 1797})
    return layout


def rows_of(layout):
    return rows("digits", DIGITS, layout)
