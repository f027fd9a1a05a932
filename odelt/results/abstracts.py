"""What the abstracts claim (SPEC 9.9), as the file of published numbers states it."""

from typing import Annotated, Literal

import pydantic
from pydantic import Field

from odelt.config import Section

Figure = Annotated[float, Field(gt=0)]
Quantity = Literal["latency", "FID", "memory"]


class Claim(Section):
    """A sentence of an abstract, with one figure: what it says SM has more of."""

    source: str = Field(description="a key of `sources`; its baseline is the claim's SM")
    text: str
    latency_ratio: Figure | None = Field(None, description="SM's latency over ours")
    fid_points: Figure | None = Field(None, description="SM's FID less ours")
    memory_ratio: Figure | None = Field(None, description="SM's peak memory over ours, which is above it; 1: any less")

    @pydantic.model_validator(mode="after")
    def _claims_one_thing(self):
        if sum(figure is not None for figure in (self.latency_ratio, self.fid_points, self.memory_ratio)) != 1:
            raise ValueError(f"the claim '{self.text}' needs one of latency_ratio, fid_points and memory_ratio")
        return self

    @property
    def quantity(self) -> Quantity:
        if self.latency_ratio is not None:
            return "latency"
        return "FID" if self.fid_points is not None else "memory"

    @property
    def claimed(self) -> float:
        """The ratio or the points."""
        figure = self.latency_ratio or self.fid_points or self.memory_ratio
        assert figure is not None  # a claim has exactly one of them
        return figure
