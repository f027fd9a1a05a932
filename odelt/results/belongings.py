"""Which of our cells a number of somebody else's is compared with (SPEC 6, 9.1, 9.10)."""

from typing import NamedTuple

from odelt.config import Solver

BASELINE = "sm"  # as the sources call what latencies are relative to
RELEASED_D = 0  # the release's adaptive solver conditions on the one-step size (SPEC 9.2)


class Belonging(NamedTuple):
    """Which rows of ours a source's numbers are compared with."""

    models: tuple[str, ...]
    statistics: str  # the reference statistics of the FID that is compared (SPEC 6)
    weights: tuple[str, ...]
    ambiguous: bool = False  # the source does not say which of the models it means


# SM's own code evaluates the EMA. The release evaluates the EMA at the end of a training and raw weights under that
# name when it loads a file (SPEC 9.1); the script does not say which it was, so its numbers stand beside both.
BELONGINGS = {
    ("sm_readme", "sm"): Belonging(("sm",), "ours", ("ema",)),
    ("odelt_scaling", "odelt"): Belonging(("odelt", "odelt-released"), "jax", ("ema", "raw")),
    ("odelt_scaling", "sm"): Belonging(("sm", "sm-ft"), "jax", ("ema", "raw"), ambiguous=True),
}


class Cell(NamedTuple):
    """What tells a cell of our grid apart from the others."""

    experiment: str
    model: str
    length: int | None
    solver: Solver
    weights: str = "ema"
    guidance: float = 0.0
    d: int | None = None


class Published(NamedTuple):
    """One number of a source: what it is compared with, and the cells of ours that it belongs to."""

    value: float | None  # an FID, or a latency over that of the source's SM; None where there is none to relate it to
    source: str  # its key in the file
    statistics: str  # of the FID that it is compared with; empty: the experiment's first
    ambiguous: bool
    deviation: float | None  # over the source's seeds
    printed: float  # as it stands there: an FID, or seconds
    experiment: str
    model: str  # as the source calls it
    length: int | None
    solver: Solver
    models: tuple[str, ...]  # ours
    weights: tuple[str, ...]
    guidance: float
    conditions: tuple[int | None, ...]  # d

    def is_of(self, cell: Cell) -> bool:
        """Whether it is compared with this cell."""
        return (
            cell.model in self.models
            and cell.weights in self.weights
            and cell.d in self.conditions
            and (cell.experiment, cell.length, cell.solver.apart, cell.guidance)
            == (self.experiment, self.length, self.solver, self.guidance)
        )


def published_guidance(experiment: str, solver: Solver) -> float:
    """At which guidance a published number was taken (SPEC 6): CelebA-HQ has no labels; ImageNet goes by T."""
    if experiment.startswith("celebahq"):
        return 0.0
    return 1.0 if solver.T is not None and solver.T <= 4 else 1.5
