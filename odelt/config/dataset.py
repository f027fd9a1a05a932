"""What a dataset is, and the codec between its images and the network (SPEC 7)."""

from typing import TYPE_CHECKING, Annotated, Literal

import pydantic
from pydantic import Field

from odelt.config.entries import KindField
from odelt.config.older import Since
from odelt.config.parsing import FileName, Name, Positive, Precision, Section
from odelt.kinds import KINDS


def _with(origin: str) -> str:
    """The kinds whose images have this origin."""
    return " or ".join(f"`{name}`" for name, kind in KINDS.items() if kind.origin == origin)


class Dataset(Section):
    """Images with labels (SPEC 7). Experiments that name the same dataset share its files."""

    name: Name = Field(description="Its folder below `results/<suite>/datasets`.")
    kind: KindField = Field(
        description="What the images are. "
        + "; ".join(f"`{kind}`: {kind.description}" for kind in KINDS.values())
        + "."
    )
    image: tuple[Positive, Positive] = Field(description="Height and width, in pixels, to which images are resized.")
    channels: Literal[1, 3] = Field(default=3, description="Channels of an image: 1 is grey, 3 is RGB.")
    classes: Positive = Field(description="Number of classes. The images must have as many.")
    source: Name | None = Field(
        default=None,
        description=f"What is downloaded, by its name in the registry of sources. Only of kind {_with('source')}.",
    )
    path: FileName | None = Field(
        default=None, description=f"Where the user's own images are, a file or a folder. Only of kind {_with('path')}."
    )
    fraction: float = Field(
        default=1.0, gt=0, le=1, description="Share of the images of each class that is used, for trials."
    )
    flip: bool = Field(
        default=False, description="Whether half of the images in training are mirrored. Only with a codec."
    )

    if TYPE_CHECKING:  # the type checker does not know that a frozen section has a hash

        def __hash__(self) -> int: ...

    @pydantic.model_validator(mode="after")
    def _has_its_origin(self):
        for key in ("source", "path"):
            needed = self.kind.origin == key
            if (getattr(self, key) is not None) != needed:
                fault = f"needs '{key}'" if needed else f"takes no '{key}': remove it"
                raise ValueError(f"a dataset of kind '{self.kind}' {fault}")
        for key, value in self.kind.fixed.items():
            if getattr(self, key) != value:
                raise ValueError(f"{key}: a dataset of kind '{self.kind}' has {value}")
        return self


# Datasets that the name of their kind alone stands for: their images need neither `source` nor `path`.
WHOLE = {name: {"name": name, "kind": name, **kind.fixed} for name, kind in KINDS.items() if kind.origin is None}
DatasetField = Annotated[
    Dataset,
    pydantic.BeforeValidator(
        lambda value: WHOLE.get(value, value) if isinstance(value, str) else value,
        json_schema_input_type=Dataset | Annotated[str, Field(json_schema_extra={"enum": [*WHOLE]})],
    ),
]


class Codec(Section):
    """The autoencoder between images and latents (SPEC 7)."""

    source: Name = Field(description="The autoencoder, by its name in the registry of sources.")
    factor: Positive = Field(default=8, description="Side of an image over the side of its latent.")
    channels: Positive = Field(default=4, description="Channels of a latent.")
    scale: float = Field(default=0.18215, gt=0, description="Factor by which latents are multiplied.")
    dtype: Annotated[Precision, Since("0.3.0", before="float32")] = Field(
        default="tf32",
        description="Precision of the autoencoder. `tf32`: as fast as the device allows in nearly float32, which is "
        "float32 on a CPU; `bfloat16`: mixed precision. `datasets/<name>/codec.json` has the error of each.",
    )
    batch_size: Positive = Field(default=64, description="Images that are encoded or decoded at once.")
