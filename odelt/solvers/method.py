"""What a solver declares: all that other rooms know of it."""

import abc
import dataclasses
import decimal
import math
from collections.abc import Callable
from typing import Any, ClassVar

FINEST_D = 7  # of the finest step size that networks are trained for, 2^−7 (SPEC 1)
MAX_STEPS = 2**FINEST_D  # of that size
FINEST_TOLERANCE = 1e-7  # below it float32 has no digits
MOST_STEPS = 1_000_000  # a larger T is a mistake


@dataclasses.dataclass(frozen=True, kw_only=True)
class Method(abc.ABC):
    """A numerical method. With a parameter, a number of steps or a tolerance, it is a solver.

    `integrate(velocity, x0, parameter)` solves dx/dt = velocity(x, t) for x [N, H, W, C] and t [1] from t = 0 to t = 1,
    all rows as one system. It returns x at t = 1 and the number of steps, −1 if it gave up. With `takes_noise` it gets
    standard normal noise too, [N, T, H, W, C].
    """

    name: str  # a solver is written `<name>:<parameter>`
    order: int | None  # None: it solves no ODE, and makes sense only for the objectives that name it
    per_step: int  # evaluations of the vector field in each step
    besides: int = 0  # evaluations beyond those: 1 that opens the first step, −1 that the last step saves
    integrate: Callable[..., tuple[Any, Any]] = dataclasses.field(compare=False)
    # Whether its steps are the shortcuts that networks learn: conditioned on floor(log2 T), at most 7.
    takes_shortcuts: bool = False
    # Whether tables have a column for each T, and figures a curve. Other solvers have rows and points of their own.
    fills_columns: bool = False
    takes_noise: bool = False  # fresh for each step

    metavar: ClassVar[str]  # of its parameter
    fixed: ClassVar[bool]  # whether the number of steps is known beforehand
    family: ClassVar[str]  # what figures call it
    rows: ClassVar[int | None] = None  # samples of a program, whatever the batch size
    can_be_joint: ClassVar[bool] = False  # whether it can control the steps of all rows as one

    @property
    def spelling(self) -> str:
        return f"{self.name}:{self.metavar}"

    @abc.abstractmethod
    def parse(self, text: str) -> int | float:
        """Reads a parameter. Raises ValueError if there is no such parameter."""

    @abc.abstractmethod
    def write(self, parameter: Any) -> str:
        """Returns the text that `parse` reads as this parameter."""

    @abc.abstractmethod
    def assumed_evaluations(self, parameter: Any) -> int:
        """Returns how many evaluations a sample takes, as far as that is known beforehand."""

    def default_d(self, parameter: Any) -> int:
        """Returns the step-size condition 0..7 if none is asked for (SPEC 5)."""
        return min(parameter.bit_length() - 1, FINEST_D) if self.takes_shortcuts else FINEST_D

    def evaluations(self, steps: Any) -> Any:
        """Returns how many evaluations of the vector field so many steps take; an array for an array."""
        return self.per_step * steps + self.besides


@dataclasses.dataclass(frozen=True, kw_only=True)
class FixedSteps(Method):
    """T equal steps."""

    metavar = "T"
    fixed = True
    family = "solver with fixed steps"

    def parse(self, text: str) -> int:
        steps = int(text) if text.isdecimal() and len(text) <= len(str(MOST_STEPS)) else 0
        if not 1 <= steps <= MOST_STEPS:
            raise ValueError(f"the number of steps T is a whole number from 1 to {MOST_STEPS:,}")
        return steps

    def write(self, parameter: int) -> str:
        return str(parameter)

    def assumed_evaluations(self, parameter: int) -> int:
        return self.evaluations(parameter)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Adaptive(Method):
    """Steps as long as a tolerance of the error allows."""

    order: int
    metavar = "TOL"
    fixed = False
    family = "adaptive solver"
    # The error estimate can be mostly rounding, and rounding differs between shapes; step sizes, and so the result,
    # would then depend on the batch size. So programs always have this many rows, and sample i always has the same row:
    # its result is equal to the bit for any batch size.
    rows = 64
    can_be_joint = True

    def parse(self, text: str) -> float:
        try:
            tolerance = float(text)
        except ValueError:
            tolerance = math.nan
        if not FINEST_TOLERANCE <= tolerance < 1:
            raise ValueError(f"the tolerance is a number from 1e-7 to below 1, for example {self.name}:1e-3")
        return tolerance

    def write(self, parameter: float) -> str:
        return f"{decimal.Decimal(repr(parameter)).normalize():e}"

    def assumed_evaluations(self, parameter: float) -> int:
        """It depends on the weights. The authors' latencies (SPEC 11) are those of about so many steps of order 5."""
        return self.evaluations(math.ceil(1.8 * parameter ** (-1 / self.order)))
