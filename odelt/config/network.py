"""What a network is (SPEC 2, 3)."""

from typing import TYPE_CHECKING

import pydantic
from pydantic import Field

from odelt.config.entries import ObjectiveField
from odelt.config.length import FULL
from odelt.config.parsing import Positive, Section
from odelt.errors import OdeltError
from odelt.objectives import DEFAULT_OBJECTIVE

LARGEST_SIZE = 1_000_000  # of a network; beyond it nothing fits into a memory


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
    patch: Positive = Field(
        default=2, description="Height and width of a patch. They divide those of the network's input."
    )


class Network(Architecture):
    """A DiT with an inner ODE over its length (SPEC 2, 3)."""

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
                f"length {length} is not allowed; this network has {allowed}, or '{FULL}', the conventional path"
            )
        return length


class ModelConfig(Network):
    """A model's network and the objective that it was trained with. Saved as `config.json` beside the weights."""

    objective: ObjectiveField = pydantic.Field(default=DEFAULT_OBJECTIVE.name, validate_default=True)
