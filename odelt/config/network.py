"""What a network is (SPEC 2, 3)."""

from typing import TYPE_CHECKING

import pydantic

from odelt.config.entries import ObjectiveField
from odelt.config.length import FULL
from odelt.config.parsing import Positive, Section
from odelt.errors import OdeltError
from odelt.objectives import DEFAULT_OBJECTIVE

LARGEST_SIZE = 1_000_000  # of a network; beyond it nothing fits into a memory


class Architecture(Section):
    """The part of a network that an experiment chooses; image size, channels and classes come from its dataset."""

    width: Positive
    heads: Positive
    depth: Positive
    group: Positive
    min_length: Positive
    patch: Positive = 2


class Network(Architecture):
    """A DiT with an inner ODE over its length (SPEC 2, 3)."""

    channels: Positive
    classes: Positive
    image: tuple[Positive, Positive]

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
                f"length {length} is not allowed; this network has {allowed}, or '{FULL}', the conventional path"
            )
        return length


class ModelConfig(Network):
    """A model's network and the objective that it was trained with. Saved as `config.json` beside the weights."""

    objective: ObjectiveField = pydantic.Field(default=DEFAULT_OBJECTIVE.name, validate_default=True)
