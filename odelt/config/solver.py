"""The value `Solver`: a method of `odelt.solvers` and its parameter."""

import dataclasses
from typing import Annotated

import pydantic

from odelt.config.parsing import nearest
from odelt.errors import OdeltError
from odelt.quoting import quoted
from odelt.solvers import IMPLICIT, SOLVERS, Method

SPELLINGS = [method.spelling for method in SOLVERS.values()]


@dataclasses.dataclass(frozen=True)
class Solver:
    """How the outer ODE over time is integrated (SPEC 5), written `<method>:<parameter>`: `euler:4`, `dopri5:1e-3`.

    With `joint`, as `dopri5:1e-3:joint256`, it integrates so many samples as one system, with one step size.
    """

    method: Method
    parameter: int | float
    joint: int | None = None

    @classmethod
    def parse(cls, text: object) -> "Solver":
        """Reads a solver; a Solver stays as it is.

        Raises:
            OdeltError: no solver is written so.
        """
        if isinstance(text, Solver):
            return text
        if not isinstance(text, str):
            raise OdeltError(f"solver {quoted(text)}: a text is needed, for example 'euler:4'")
        name, _, rest = text.partition(":")
        parameter, joint, count = rest.partition(":joint")
        if name in IMPLICIT:
            raise OdeltError(
                f"solver {quoted(text)}: it is implicit, so it needs Jacobians of the network; choose an explicit one, "
                "for example dopri5:1e-3"
            )
        if name not in SOLVERS:
            known = f"{', '.join(SPELLINGS[:-1])} and {SPELLINGS[-1]}"
            raise OdeltError(f"solver {quoted(text)}: known solvers are {known}{nearest(name, SOLVERS)}")
        try:
            solver = cls(SOLVERS[name], SOLVERS[name].parse(parameter))
            return solver.jointly(count) if joint else solver
        except ValueError as error:
            raise OdeltError(f"solver {quoted(text)}: {error}") from None

    def jointly(self, count: int | str) -> "Solver":
        """Returns the solver that integrates so many samples as one system, as the release does (SPEC 9.8).

        Raises:
            OdeltError: its steps do not depend on the samples, or the count is no whole number from 1 on.
        """
        if not self.method.can_be_joint:
            raise OdeltError(f"solver '{self}': its steps are fixed, so nothing is controlled jointly; leave out joint")
        if not (str(count).isdecimal() and len(str(count)) < 8 and int(count)):
            raise OdeltError(f"solver '{self}': the joint samples are a number from 1 on, for example {self}:joint256")
        return dataclasses.replace(self, joint=int(count))

    def __str__(self) -> str:
        """The text that `parse` reads as this solver."""
        joint = "" if self.joint is None else f":joint{self.joint}"
        return f"{self.method.name}:{self.method.write(self.parameter)}{joint}"

    @property
    def apart(self) -> "Solver":
        """The solver that controls each sample's steps on its own."""
        return dataclasses.replace(self, joint=None)

    def rows(self, batch_size: int) -> int:
        """Returns how many samples it integrates at once."""
        return self.joint or self.method.rows or batch_size

    @property
    def label(self) -> str:
        """What stands beside its points in a figure: T, or "dopri5 1e-3"."""
        return str(self).replace(":", " ") if self.T is None else str(self.T)

    @property
    def T(self) -> int | None:
        """The T of tables' columns and figures' curves; None if the solver has rows and points of its own."""
        return int(self.parameter) if self.method.fills_columns else None

    @property
    def d(self) -> int:
        """The step-size condition if none is asked for."""
        return self.method.default_d(self.parameter)

    @property
    def noises(self) -> int:
        """Draws of noise for a sample, beside that at t = 0."""
        return int(self.parameter) if self.method.takes_noise else 0

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
