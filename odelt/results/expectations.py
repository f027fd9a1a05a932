"""Writes the numbers of a finished run into a file. Later runs are compared with them if nothing is published."""

import pathlib
from collections.abc import Iterable

import yaml

from odelt import files
from odelt.config import Suite
from odelt.errors import OdeltError
from odelt.layout.paths import ExperimentPaths
from odelt.provenance import record
from odelt.results.columns import FRECHET
from odelt.results.references import References
from odelt.results.row import Row, over_seeds
from odelt.results.rows import distinct, rows
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
    scores = [(results / row.cell.experiment / score.file, score.seed) for row in every for score in row.scores]
    if not scores:
        raise OdeltError(f"{results} has no scores of the suite '{name}'; make it first")
    run = {
        "machine": distinct(row.timing.device for row in every if row.timing) or NOT_RUN,
        "seeds": list(dict.fromkeys(seed for _, seed in scores if seed is not None)),
        "command": f"snakemake --cores all --config suite={name}; "
        f"odelt expect --suite {name} --results {_shown(results)}",
    }
    title, commit = f"an earlier run of this project, suite {name}", _commit(path for path, _ in scores)
    origin = {"title": title, **({"commit": commit} if commit else {}), "earlier_run": run}
    groups = [{"source": SOURCE, "experiment": title, "rows": _expected(rows)} for title, rows in made.items()]
    written = {"sources": {SOURCE: origin}, "fid": groups}
    References.model_validate(written)
    files.write_text(out, HEAD + yaml.safe_dump(written, sort_keys=False, default_flow_style=None, width=110))


def _shown(results: pathlib.Path) -> str:
    """Returns a folder's name without the parts that only this machine has."""
    return f"results/{results.name}" if results.is_absolute() else results.as_posix()


def _expected(rows: list[Row]) -> list[dict]:
    """Returns a series for each model, length, weights, guidance and d: the numbers of the solvers that were run."""
    all_series: dict[tuple, dict] = {}
    first = {row.cell: row for row in reversed(rows)}  # later rows of a cell have other seeds
    for row in over_seeds(rows):
        cell, value, deviation = row.cell, first[row.cell].distance, row.deviation(FRECHET)
        if value is not None:
            keys = {key: getattr(cell, key) for key in ("model", "length", "weights", "guidance", "d")}
            said = {key: value for key, value in keys.items() if value is not None}
            series = all_series.setdefault(tuple(keys.values()), said)
            group, solver = (
                ("steps", cell.solver.T) if cell.solver.method.takes_shortcuts else ("solvers", str(cell.solver))
            )
            series.setdefault(group, {})[solver] = value if deviation is None else [value, deviation]
    return list(all_series.values())


def _commit(scores: Iterable[pathlib.Path]) -> str | None:
    """Returns the commits whose code made these scores, by their records; None if no record names one."""
    commits = set()
    for path in scores:
        try:
            commits.add(record.read(record.record_path(path)).code.commit)
        except (OSError, ValueError) as error:
            raise OdeltError(f"{path} has no record that can be read, so that its code is not known: {error}") from None
    return " and ".join(sorted(commit for commit in commits if commit)) or None
