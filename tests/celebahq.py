"""A made-up run of the paper: scores and latencies of a few grid points, as the evaluation writes them."""

import dataclasses
import pathlib
import re

from digits import timed, write
from markdown_it import MarkdownIt

from odelt.config import Experiment, parse
from odelt.layout.grid import points, programs, runs
from odelt.layout.paths import ExperimentPaths
from odelt.publishing.entries import in_full
from odelt.results.references import load_references
from odelt.results.rows import rows

REFERENCES = load_references(pathlib.Path(__file__).parents[1] / "config" / "reference.yaml")
TRAINING = {"steps": 10, "warmup_steps": 1, "learning_rate": 1e-4}
CELEBAHQ = parse(
    Experiment,
    {
        "seed": 10,
        "dataset": {"name": "faces", "kind": "celebahq", "source": "faces", "image": [256, 256], "classes": 1},
        "codec": {"source": "vae"},
        "network": {"width": 16, "heads": 2, "depth": 12, "group": 4, "min_length": 4},
        "models": {
            "sm": {"label": "SM (released)", "source": "sm", "inner_ode": False},
            "sm-ft": {"label": "SM (fine-tuned)", "start": "sm", "inner_ode": False, "training": TRAINING},
            "odelt": {
                **{"label": "ODE_t(ODE_l) (ours)", "start": "sm", "inner_ode": True},
                **{"training": TRAINING, "seeds": [10, 0, 20]},
            },
            "odelt-released": {"label": "ODE_t(ODE_l) (released)", "source": "odelt", "inner_ode": True},
        },
        "features": {"references": {"ours": "fid-ours", "jax": "fid-jax"}},
        "evaluation": {
            "samples": 64,
            "grid": [
                {
                    "models": ["sm", "sm-ft", "odelt", "odelt-released"],
                    "solvers": ["euler:1", "euler:2", "euler:128"],
                    "guidance": 0,
                },
                {"models": ["odelt"], "solvers": ["dopri5:1e-3"], "guidance": 0, "d": 0},
                {"models": ["odelt"], "solvers": ["dopri5:1e-3"], "guidance": 0},
                {"models": ["sm", "odelt"], "weights": "raw", "solvers": ["euler:1", "euler:128"], "guidance": 0},
            ],
        },
    },
    "a test's experiment",
)


def errors(jax):
    """The part of a score with this standard error under the `jax` statistics, and under `ours` twice that."""
    return {"standard_error": {"frechet_distance": 2 * jax, "fid": {"ours": 2 * jax, "jax": jax}, "fid_clean": 0.5}}


def write_score(layout, point, jax, **more):
    """A score whose FID under the `jax` statistics is `jax`, and under `ours` a tenth more; without standard errors."""
    evaluations = point.solver.T or 40
    content = {"samples": 64, "evaluations": evaluations, "largest_evaluations": evaluations}
    write(
        layout.score(point),
        {
            **content,
            "frechet_distance": jax * 1.1,
            "fid": {"ours": jax * 1.1, "jax": jax, "recomputed": jax * 1.2},
            "fid_clean": 9.0,
            **more,
        },
    )


def write_latencies(layout, seconds_per_block=0.01):
    entries = [timed(program, 12, seconds_per_block) | {"peak_bytes": 2**20} for program in programs(CELEBAHQ)]
    write(layout.latency, {"batch_size": 256, "device": "a GPU", "points": entries})


def score_all(layout, distance, **more):
    """Scores every point with `distance(run, length, solver)`."""
    for point in points(CELEBAHQ):
        run = runs(CELEBAHQ)[point.group.model]
        write_score(layout, point, distance(run, point.group.length, str(point.solver)), **more)


def whole_run(folder):
    """The layout of a whole run with latencies, without a floor, whose FID is 10 under `jax` everywhere."""
    layout = ExperimentPaths(folder / "celebahq-b")
    score_all(layout, lambda run, length, solver: 10.0)
    write_latencies(layout)
    return layout


def rows_of(layout):
    return rows("celebahq-b", CELEBAHQ, layout)


def cells_by_row(path):
    """The number of cells in each row of each table of a Markdown file, as a reader of it counts them."""
    html = MarkdownIt("commonmark").enable("table").render(path.read_text(encoding="utf-8"))
    tables = html.split("</table>")[:-1]
    return [[len(re.findall("</t[hd]>", row)) for row in table.split("</tr>")[:-1]] for table in tables]


def pick(among, **wanted):
    """The rows, or lines of a CSV file, with these values."""
    lines = [row if isinstance(row, dict) else in_full(row) | {"seed": row.seeds[0]} for row in among]
    return [row for row, line in zip(among, lines, strict=True) if wanted.items() <= line.items()]


def of_experiment(rows, experiment):
    """The rows as another experiment's."""
    return [dataclasses.replace(row, cell=dataclasses.replace(row.cell, experiment=experiment)) for row in rows]
