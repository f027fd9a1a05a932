"""Writes the numbers of a finished run into a file. Later runs are compared with them if nothing is published."""

import pathlib
from collections.abc import Iterable

import yaml

from odelt import files
from odelt.config import Suite
from odelt.errors import OdeltError
from odelt.layout.paths import ExperimentPaths
from odelt.provenance import record
from odelt.results.references import Block, EarlierRun, PublishedRow, References, Source
from odelt.results.rows import Row, cell_of, distinct, rows
from odelt.results.seeds import spreads
from odelt.results.verdicts import NOT_RUN

SOURCE = "earlier_run"
HEAD = """\
# Numbers of an earlier run of this project, and not a publication, in the format of reference.yaml. Written by
# `odelt expect`; where a cell was run with several seeds: [that of the first seed, standard deviation over the seeds].
"""


def write_expectations(name: str, suite: Suite, results: pathlib.Path, out: pathlib.Path) -> None:
    """Writes the Fréchet distances of the suite's cells in `results`: the first seed's, and the deviation over seeds.

    Raises:
        OdeltError: nothing has been scored there, or a file is damaged.
    """
    made = {title: rows(title, settings, ExperimentPaths(results / title)) for title, settings in suite.enabled.items()}
    every = [row for rows in made.values() for row in rows]
    scores = [results / row["experiment"] / row["score"] for row in every if row["score"]]
    if not scores:
        raise OdeltError(f"{results} has no scores of the suite '{name}'; make it first")
    run = EarlierRun(
        machine=distinct(row.device for row in every),
        seeds=list(dict.fromkeys(row["seed"] for row in every if row["score"] and row["seed"] != "")),
        command=f"snakemake --cores all --config suite={name}; odelt expect --suite {name} --results {_shown(results)}",
    )
    title = f"an earlier run of this project, suite {name}"
    source = Source(title=title, commit=_commit(scores), earlier_run=run)
    blocks = [Block(source=SOURCE, experiment=title, rows=_expected(rows)) for title, rows in made.items()]
    written = References(sources={SOURCE: source}, fid=blocks).model_dump(exclude_defaults=True)
    files.write_text(out, HEAD + yaml.safe_dump(written, sort_keys=False, default_flow_style=None, width=110))


def _shown(results: pathlib.Path) -> str:
    """Returns a folder's name without the parts that only this machine has."""
    return f"results/{results.name}" if results.is_absolute() else results.as_posix()


def _expected(rows: list[Row]) -> list[PublishedRow]:
    """Returns a row for each model, length, weights, guidance and d, with the numbers of the solvers that were run."""
    numbers: dict[tuple, dict[str, dict]] = {}
    seen, spread = set(), spreads(rows)
    for k, row in enumerate(rows):
        cell = cell_of(row)
        if cell not in seen and row["frechet_distance"] != NOT_RUN:
            value, deviation = row["frechet_distance"], spread[k]["frechet_distance"]
            key = (cell.model, cell.length, cell.weights, cell.guidance, cell.d)
            group, solver = ("steps", cell.solver.T) if cell.solver.T else ("solvers", str(cell.solver))
            values = numbers.setdefault(key, {}).setdefault(group, {})
            values[solver] = value if deviation is None else (value, deviation)
        seen.add(cell)  # later rows of this cell have other seeds
    keys = ("model", "length", "weights", "guidance", "d")
    return [PublishedRow.model_validate(dict(zip(keys, key, strict=True)) | values) for key, values in numbers.items()]


def _commit(scores: Iterable[pathlib.Path]) -> str | None:
    """Returns the commits whose code made these scores, by their records; None if no record names one."""
    commits = set()
    for path in scores:
        try:
            commits.add(record.read(record.record_path(path)).code.commit)
        except (OSError, ValueError) as error:
            raise OdeltError(f"{path} has no record that can be read, so that its code is not known: {error}") from None
    return " and ".join(sorted(commit for commit in commits if commit)) or None
