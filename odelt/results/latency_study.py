"""The latency study's rows: each length's time and memory, beside the full path's and the published ratio."""

import dataclasses
import functools
import pathlib
from collections.abc import Iterator

from odelt.config import Length, Solver
from odelt.config.latency_study import LatencyStudy
from odelt.layout.paths import StudyPaths
from odelt.results.columns import Column
from odelt.results.references import References
from odelt.results.row import Cell, Timing
from odelt.results.rows import read_json


@dataclasses.dataclass(frozen=True, kw_only=True)
class Measured(Timing):
    """What was measured of a network at a length with a solver, per batch. `file` is below the study's folder."""

    compile_s: float
    weight_bytes: int
    dtype: str


@dataclasses.dataclass(frozen=True)
class StudyRow:
    """A network at a length (None: SM's full path) with a solver. What was not measured is None."""

    network: str
    length: int | None
    effective_blocks: int
    solver: Solver
    guidance: float
    batch_size: int
    measured: Measured | None
    baseline: Measured | None  # of the full path
    published_ratio: float | None  # of latencies

    def ratio(self, column: Column) -> float | None:
        """A measured number over the full path's."""
        if self.measured is None or self.baseline is None:
            return None
        return getattr(self.measured, column.name) / getattr(self.baseline, column.name)


def rows(study: LatencyStudy, results: pathlib.Path, published: References) -> Iterator[StudyRow]:
    """Yields a row per network, length (the full path first) and solver.

    Raises:
        OdeltError: a measurement's file is damaged; the line names it.
    """
    for name, studied in study.networks.items():
        path = StudyPaths(results).measured(name)
        measured = read_json(path, functools.partial(_measured, path.relative_to(results).as_posix())) or {}
        for length in (None, *studied.network.lengths):
            for solver in study.solvers:
                model = "sm" if length is None else "odelt"
                cell = Cell(studied.published, model, length, solver) if studied.published else None
                yield StudyRow(
                    network=name,
                    length=length,
                    effective_blocks=studied.network.effective_blocks(length),
                    solver=solver,
                    guidance=studied.guidance,
                    batch_size=studied.batch_size,
                    measured=measured.get((Length(length).cell, str(solver))),
                    baseline=measured.get((Length(None).cell, str(solver))),
                    published_ratio=published.relative_latency(cell) if cell else None,
                )


def _measured(file: str, raw: dict) -> dict[tuple, Measured]:
    """Reads what was measured of a network, by length and solver."""
    return {
        (point["length"], point["solver"]): Measured(
            **vars(Timing.of(file, raw, point)),
            compile_s=float(point["compile_s"]),
            weight_bytes=int(point["weight_bytes"]),
            dtype=str(raw["dtype"]),
        )
        for point in raw["points"]
    }
