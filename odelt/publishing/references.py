"""The published numbers (`config/reference.yaml`) and which of our rows each is compared with (SPEC 6, 9.10, 11)."""

import math
import pathlib
from typing import Annotated, NamedTuple

import pydantic
import yaml

from odelt import provenance
from odelt.config import Section, Solver, parse
from odelt.errors import OdeltError

Measured = Annotated[float, pydantic.Field(gt=0)]
RELEASED_D = 0  # the release's adaptive solver conditions on the one-step size (SPEC 9.2)


class Source(Section):
    """Where a number was published."""

    title: str
    repository: str | None = None
    commit: str | None = None
    date: str | None = None


class PublishedRow(Section):
    """Numbers of one model (length None: the conventional path) by Euler steps T or Dopri5's tolerance."""

    experiment: str | None = None  # its block's where nothing is said
    model: str
    length: int | None = None
    steps: dict[int, Measured] = pydantic.Field(default_factory=dict)
    dopri5: dict[float, Measured] = pydantic.Field(default_factory=dict)

    def at(self, solver: Solver) -> float | None:
        if solver.adaptive:
            return self.dopri5.get(solver.tolerance) if solver.method == "dopri5" else None
        return self.steps.get(solver.steps)


class ThreeRuns(Section):
    """Mean, minimum and maximum of three runs, by T."""

    length: int
    steps: dict[int, tuple[Measured, Measured, Measured]]


class Block(Section):
    source: str
    experiment: str | None = None
    note: str | None = None
    rows: list[PublishedRow] = pydantic.Field(default_factory=list)
    unattributed_mean_min_max: list[ThreeRuns] = pydantic.Field(default_factory=list)


class Claim(Section):
    """A sentence of an abstract: a ratio of latencies (SM's over ours) or FID points (SM's less ours)."""

    source: str
    text: str
    latency_ratio: Measured | None = None
    fid_points: Measured | None = None

    @pydantic.model_validator(mode="after")
    def _claims_one_thing(self):
        if (self.latency_ratio is None) == (self.fid_points is None):
            raise ValueError(f"the claim '{self.text}' needs either latency_ratio or fid_points")
        return self


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


class Published(NamedTuple):
    value: float
    source: str  # its key in the file
    statistics: str
    ambiguous: bool


class Spread(NamedTuple):
    """Relative standard deviation between trainings that differ in their seed."""

    pooled: float
    largest: float


class References(Section):
    sources: dict[str, Source]
    fid: list[Block]
    latency_s_per_batch: list[Block] = pydantic.Field(default_factory=list)
    claims: list[Claim] = pydantic.Field(default_factory=list)

    @pydantic.model_validator(mode="after")
    def _hangs_together(self):
        for block in (*self.fid, *self.latency_s_per_batch, *self.claims):
            if block.source not in self.sources:
                raise ValueError(f"no source '{block.source}' is described under sources")
        for block in (*self.fid, *self.latency_s_per_batch):
            for row in block.rows:
                if not (row.experiment or block.experiment):
                    raise ValueError(f"a row of {block.source} for the model '{row.model}' names no experiment")
                if (block.source, row.model) not in BELONGINGS:
                    raise ValueError(
                        f"{block.source} has numbers of '{row.model}', and BELONGINGS in references.py does not say "
                        "which of our models they are compared with"
                    )
        return self

    @property
    def experiments(self) -> list[str]:
        """Those with a published FID, in the file's order."""
        return list(dict.fromkeys(row.experiment or block.experiment for block in self.fid for row in block.rows))

    def published(
        self,
        experiment: str,
        model: str,
        length: int | None,
        solver: Solver,
        *,
        weights: str = "ema",
        guidance: float = 0.0,
        d: int | None = None,
    ) -> list[Published]:
        """The published FIDs of one of our rows; those whose source says which model it means come first."""
        if guidance != published_guidance(experiment, solver) or d not in (None, RELEASED_D):
            return []
        found = []
        for source, belonging, value in _found(self.fid, experiment, model, length, solver):
            if weights in belonging.weights:
                found.append(Published(value, source, belonging.statistics, belonging.ambiguous))
        return sorted(found, key=lambda published: published.ambiguous)

    def relative_latency(self, experiment: str, model: str, length: int | None, solver: Solver) -> float | None:
        """The published latency over that of the same source's SM at the same solver; seconds do not compare (9.4)."""
        for source, _, seconds in _found(self.latency_s_per_batch, experiment, model, length, solver):
            for other, _, baseline in _found(self.latency_s_per_batch, experiment, "sm", None, solver):
                if source == other:
                    return seconds / baseline
        return None

    def spread(self) -> Spread | None:
        """From the published means, minima and maxima of three runs: the third run is 3·mean − minimum − maximum."""
        found = []
        for block in self.fid:
            for of_length in block.unattributed_mean_min_max:
                for mean, least, most in of_length.steps.values():
                    runs = (least, most, 3 * mean - least - most)
                    found.append(math.sqrt(sum((run - mean) ** 2 for run in runs) / 2) / mean)
        if not found:
            return None
        return Spread(math.sqrt(sum(one**2 for one in found) / len(found)), max(found))


def published_guidance(experiment: str, solver: Solver) -> float:
    """At which guidance a published number was taken (SPEC 6): CelebA-HQ has no labels; ImageNet goes by T."""
    if experiment.startswith("celebahq"):
        return 0.0
    return 1.0 if not solver.adaptive and solver.steps <= 4 else 1.5


def load_references(path: str | pathlib.Path) -> References:
    """Reads and checks the published numbers.

    Raises:
        OdeltError: the file is missing, not YAML, or has a key or a value that is not known; the line names it.
    """
    path = pathlib.Path(path)
    provenance.used(path)
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise OdeltError(f"cannot read the published numbers {path}: {error.strerror}; restore the file") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise OdeltError(f"{path} is not YAML: {' '.join(str(error).split())}") from None
    return parse(References, raw, str(path))


def _found(blocks: list[Block], experiment: str, model: str, length: int | None, solver: Solver):
    """(source, belonging, value) of each published number of our model at this length and solver."""
    for block in blocks:
        for row in block.rows:
            belonging = BELONGINGS[block.source, row.model]
            value = row.at(solver)
            here = (row.experiment or block.experiment, row.length) == (experiment, length)
            if here and model in belonging.models and value is not None:
                yield block.source, belonging, value
