"""What the latency study measures: networks with random weights, at every length (SPEC 6). No suite knows of it."""

import pathlib
from typing import Annotated

import pydantic

from odelt import trace
from odelt.config.network import Network
from odelt.config.parsing import Dtype, Name, NotNegative, Positive, Section, parse
from odelt.config.solver import SolverField
from odelt.plain_data import read_yaml


class Studied(Section):
    """A network, and how it is asked: images at once, guidance scale, and whose published ratios stand beside."""

    network: Network
    batch_size: Positive
    guidance: Annotated[float, pydantic.Field(ge=0)]
    published: Name | None = None  # an experiment of the published numbers


class LatencyStudy(Section):
    """The study: what `config/latency.yaml` holds. Each network is timed at every length and on SM's path."""

    seed: NotNegative
    dtype: Dtype
    repeats: Positive
    solvers: Annotated[list[SolverField], pydantic.Field(min_length=1)]
    networks: Annotated[dict[Name, Studied], pydantic.Field(min_length=1)]

    @pydantic.model_validator(mode="after")
    def _takes_steps(self):
        for solver in self.solvers:
            if not solver.method.fixed:
                raise ValueError(f"solvers: how many steps {solver} takes depends on the weights; choose euler:T")
        return self


def load_latency_study(path: str | pathlib.Path) -> LatencyStudy:
    """Reads and checks a study; OdeltError names the file and the key."""
    trace.used(path)
    return parse(LatencyStudy, read_yaml(path, "latency study"), str(path))
