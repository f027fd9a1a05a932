"""What the latency study measures: networks with random weights, at every length (SPEC 6). No suite knows of it."""

import pathlib

import pydantic
from pydantic import Field

from odelt import trace
from odelt.config.evaluation import SECONDS
from odelt.config.network import Network
from odelt.config.parsing import Dtype, Name, NotNegative, Positive, Section, parse
from odelt.config.solver import SolverField
from odelt.objectives import DEFAULT_OBJECTIVE
from odelt.plain_data import read_yaml


class Studied(Section):
    """A network, and how it is timed."""

    network: Network = Field(description="The network, with the size of its input.")
    batch_size: Positive = Field(description="Images that are generated at once.")
    guidance: float = Field(ge=0, description="Guidance scale w. Guided sampling evaluates a doubled batch (SPEC 6).")
    published: Name | None = Field(
        default=None, description="Experiment of the published numbers whose ratios the table shows too."
    )


class LatencyStudy(Section):
    """What `config/latency.yaml` holds. Each network is timed with random weights, at every length and on SM's path."""

    seed: NotNegative = Field(description="Seed of the random weights and of the noise.")
    dtype: Dtype = Field(description="Precision of the network's computation.")
    repeats: Positive = Field(
        description="Times that each program is timed at least. The table shows the median and the quartiles."
    )
    seconds: float = Field(
        default=SECONDS,
        ge=0,
        description="Seconds for the timing of all programs of a network, in equal shares. A program is timed up to 30 "
        "times if its share suffices, and at least `repeats` times if not.",
    )
    solvers: list[SolverField] = Field(
        min_length=1,
        description="Solvers of the outer ODE over time, such as `euler:4`. None of them is adaptive.",
    )
    networks: dict[Name, Studied] = Field(min_length=1, description="The networks, by name.")

    @pydantic.model_validator(mode="after")
    def _takes_steps(self):
        for solver in self.solvers:
            DEFAULT_OBJECTIVE.check_solver(solver)
            if not solver.method.fixed:
                raise ValueError(f"solvers: how many steps {solver} takes depends on the weights; choose euler:T")
        return self


def load_latency_study(path: str | pathlib.Path) -> LatencyStudy:
    """Reads and checks a study; OdeltError names the file and the key."""
    trace.used(path)
    return parse(LatencyStudy, read_yaml(path, "latency study"), str(path))
