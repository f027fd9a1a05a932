"""What a network and a solver are (SPEC 2, 3, 5)."""

import decimal
import math
from typing import TYPE_CHECKING, Annotated, Literal

import pydantic
from pydantic import Field

from odelt.config.parsing import Positive, Section, nearest
from odelt.errors import OdeltError
from odelt.quoting import quoted

MAX_STEPS = 128  # T is a power of two up to 128: the finest step size has d = log2(128) = 7 (SPEC 1)
FINEST_D = 7
FINEST_TOLERANCE = 1e-7  # below it float32 has no digits
LARGEST_SIZE = 1_000_000  # of a network; beyond it nothing fits into a memory
METHODS = ("euler", "dopri5", "tsit5")


class Solver(Section):
    """How the outer ODE over time is integrated (SPEC 5): `euler:T`, `dopri5:TOL` or `tsit5:TOL`."""

    method: Literal["euler", "dopri5", "tsit5"]
    steps: int | None = None
    tolerance: float | None = None

    @classmethod
    def parse(cls, text: str) -> "Solver":
        method, _, value = str(text).partition(":")
        if method == "euler":
            if not value.isdecimal() or int(value) not in [2**k for k in range(FINEST_D + 1)]:
                raise OdeltError(
                    f"solver {quoted(text)}: the number of Euler steps T is a power of two from 1 to {MAX_STEPS}"
                )
            return cls(method=method, steps=int(value))
        if method in ("dopri5", "tsit5"):
            try:
                tolerance = float(value)
            except ValueError:
                tolerance = math.nan
            if not FINEST_TOLERANCE <= tolerance < 1:
                raise OdeltError(
                    f"solver {quoted(text)}: the tolerance is a number from 1e-7 to below 1, for example {method}:1e-3"
                )
            return cls(method=method, tolerance=tolerance)
        raise OdeltError(
            f"solver {quoted(text)}: known solvers are euler:T, dopri5:TOL and tsit5:TOL{nearest(method, METHODS)}"
        )

    @property
    def adaptive(self) -> bool:
        return self.tolerance is not None

    def __str__(self) -> str:
        """The text that `parse` reads as this solver."""
        if not self.adaptive:
            return f"euler:{self.steps}"
        return f"{self.method}:{decimal.Decimal(repr(self.tolerance)).normalize():e}"


def _solver(value: object) -> object:
    return Solver.parse(value) if isinstance(value, str) else value


SolverField = Annotated[
    Solver,
    pydantic.BeforeValidator(
        _solver, json_schema_input_type=Annotated[str, pydantic.Field(pattern="^(euler|dopri5|tsit5):")]
    ),
    pydantic.PlainSerializer(str),
]


class Architecture(Section):
    """The sizes that an experiment chooses (SPEC 2, 3). Image size, channels and classes come from its dataset."""

    width: Positive = Field(description="Channels of a token, D: a multiple of 4 and of `heads`.")
    heads: Positive = Field(description="Heads of the attention.")
    depth: Positive = Field(description="Number of transformer blocks, L.")
    group: Positive = Field(description="Blocks in a step of the inner ODE over length, G.")
    min_length: Positive = Field(
        description="The shortest length, from `group` to `depth`. The lengths are min_length, min_length + group, … "
        "up to `depth`."
    )
    patch: Positive = Field(2, description="Height and width of a patch. They divide those of the network's input.")


class Network(Architecture):
    """A DiT with an inner ODE over its length (SPEC 2, 3). Saved as `config.json` beside the weights."""

    channels: Positive = Field(description="Channels of the network's input: of latents or images.")
    classes: Positive = Field(description="Number of classes. The label of that number is the null label.")
    image: tuple[Positive, Positive] = Field(description="Height and width of the network's input.")

    if TYPE_CHECKING:  # which does not know that a section is frozen, and so has a hash

        def __hash__(self) -> int: ...

    @pydantic.model_validator(mode="after")
    def _fits(self):
        if (largest := max(self.width, self.depth, self.channels, self.classes, *self.image)) > LARGEST_SIZE:
            raise ValueError(f"no size of a network is above {LARGEST_SIZE:,}, and {largest:,} is asked for")
        if self.width % self.heads:
            raise ValueError(f"heads: {self.heads} does not divide the width {self.width}")
        if self.width % 4:
            raise ValueError(f"width: {self.width} is not a multiple of 4, which the position embedding needs")
        if not self.group <= self.min_length <= self.depth:
            raise ValueError(
                f"min_length: {self.min_length} is not between the group {self.group} and the depth {self.depth}"
            )
        if any(side % self.patch for side in self.image):
            raise ValueError(f"patch: {self.patch} does not divide the image {self.image[0]}x{self.image[1]}")
        return self

    @property
    def lengths(self) -> tuple[int, ...]:
        """The allowed lengths: min, min + G, … up to L."""
        return tuple(range(self.min_length, self.depth + 1, self.group))

    def effective_blocks(self, length: int | None) -> int:
        """Blocks that act at a nominal length (SPEC 3, "Dead blocks"); None is the conventional path through all."""
        return self.depth if length is None else length // self.group * self.group

    def check_length(self, length: int) -> int:
        if length not in self.lengths:
            allowed = ", ".join(map(str, self.lengths))
            raise OdeltError(
                f"length {length} is not allowed; this network has {allowed}, or 'full', the conventional path"
            )
        return length
