"""The value `Solver`: a method of `odelt.solvers` and its parameter."""

import dataclasses
from typing import Annotated

import pydantic

from odelt.config.parsing import nearest
from odelt.errors import OdeltError
from odelt.quoting import quoted
from odelt.solvers import SOLVERS, Method

SPELLINGS = [method.spelling for method in SOLVERS.values()]


@dataclasses.dataclass(frozen=True)
class Solver:
    """How the outer ODE over time is integrated (SPEC 5), written `<method>:<parameter>`: `euler:4`, `dopri5:1e-3`."""

    method: Method
    parameter: int | float

    @classmethod
    def parse(cls, text: "object | Solver") -> "Solver":
        """Reads a solver; a Solver stays as it is.

        Raises:
            OdeltError: no solver is written so.
        """
        if isinstance(text, Solver):
            return text
        if not isinstance(text, str):
            raise OdeltError(f"solver {quoted(text)}: a text is needed, for example 'euler:4'")
        name, _, parameter = text.partition(":")
        if name not in SOLVERS:
            known = f"{', '.join(SPELLINGS[:-1])} and {SPELLINGS[-1]}"
            raise OdeltError(f"solver {quoted(text)}: known solvers are {known}{nearest(name, SOLVERS)}")
        try:
            return cls(SOLVERS[name], SOLVERS[name].parse(parameter))
        except ValueError as error:
            raise OdeltError(f"solver {quoted(text)}: {error}") from None

    def __str__(self) -> str:
        """The text that `parse` reads as this solver."""
        return f"{self.method.name}:{self.method.write(self.parameter)}"

    @property
    def label(self) -> str:
        """What stands beside its points in a figure: T, or "dopri5 1e-3"."""
        return str(self).replace(":", " ") if self.T is None else str(self.T)

    @property
    def T(self) -> int | None:
        """The T of tables' columns and figures' curves; None if the solver stands beside them."""
        return int(self.parameter) if self.method.takes_shortcuts else None

    @property
    def d(self) -> int:
        """The step-size condition if none is asked for."""
        return self.method.default_d(self.parameter)

    @property
    def assumed_evaluations(self) -> int:
        """Evaluations of the vector field for a sample; of an adaptive solver they are assumed."""
        return self.method.assumed_evaluations(self.parameter)


SolverField = Annotated[
    Solver,
    pydantic.PlainValidator(
        Solver.parse,
        json_schema_input_type=Annotated[str, pydantic.Field(pattern=f"^({'|'.join(SOLVERS)}):")],
    ),
    pydantic.PlainSerializer(str),
]
