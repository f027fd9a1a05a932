"""How the models of an experiment are sampled, timed and scored (SPEC 6)."""

from typing import Annotated, Literal

import pydantic
from pydantic import Field

from odelt.config.older import Since
from odelt.config.parsing import Dtype, Name, NotNegative, Positive, Precision, Section, check_gpus
from odelt.config.solver import SolverField
from odelt.solvers import FINEST_D

SECONDS = 60.0  # for the timing of all programs


class GridBlock(Section):
    """A block of evaluation points: every listed model at every length with every solver (SPEC 6)."""

    models: list[Name] = Field(description="Names of models of this experiment.")
    solvers: list[SolverField] = Field(
        min_length=1,
        description="Solvers of the outer ODE over time (SPEC 5): a method with its number of steps or its tolerance, "
        "such as `euler:4` or `dopri5:1e-3`.",
    )
    weights: Literal["ema", "raw"] = Field(
        default="ema",
        description="The moving average of the weights, or the weights themselves (SPEC 9.1). The main table has the "
        "step counts at which raw weights are evaluated.",
    )
    lengths: list[Positive] | None = Field(
        default=None,
        description="Lengths of models with the inner ODE, in blocks. Default: all that the network allows.",
    )
    guidance: float = Field(
        default=1.0, ge=0, description="Guidance scale w. 0: without labels; 1: with labels, unguided (SPEC 1)."
    )
    d: int = Field(
        default=FINEST_D,
        ge=0,
        le=FINEST_D,
        description="Condition on the step size 2^−d, of solvers other than Euler's. The published numbers have 0 "
        "(SPEC 9.2).",
    )
    joint: Annotated[bool, Since("0.3.0", before=False)] = Field(
        default=False,
        description="Adaptive solvers take one step size for a whole batch, as in the released code (SPEC 9.8). A "
        "sample then depends on its batch, and the batch size is in the name of its files.",
    )

    @pydantic.model_validator(mode="after")
    def _can_be_joint(self):
        for solver in self.solvers if self.joint else ():
            solver.jointly(1)
        return self


class Latency(Section):
    """How generation is timed (SPEC 6)."""

    batch_size: Positive = Field(default=256, description="Images that are generated at once.")
    repeats: Positive = Field(
        default=5, description="Times that each program is timed at least. Tables show the median and the quartiles."
    )
    seconds: Annotated[float, Since("0.3.0", before=SECONDS)] = Field(
        default=SECONDS,
        ge=0,
        description="Seconds for the timing of all programs of the experiment, in equal shares. A program is timed up "
        "to 30 times if its share suffices, and at least `repeats` times if not.",
    )


class Evaluation(Section):
    """What is sampled, timed and scored (SPEC 6)."""

    samples: Positive = Field(description="Samples for each point of the grid.")
    batch_size: Positive = Field(default=256, description="Samples that a device generates at once.")
    seed: NotNegative = Field(default=0, description="Seed of the samples' noise and labels.")
    dtype: Dtype = Field(default="float32", description="Precision of the network when it samples and is timed.")
    sharding: Literal["none", "data"] = Field(
        default="none",
        description="What the GPUs of the machine share when sampling. `none`: nothing, a job takes a single GPU; "
        "`data`: the samples.",
    )
    gpus: Annotated[Positive, Since("0.3.0", before=1)] = Field(
        default=1, description="GPUs of one machine that a sampling job takes. More than 1 needs `sharding`."
    )
    latency: Latency = Field(default=Latency(), description="How generation is timed.")
    grid: list[GridBlock] = Field(min_length=1, description="Which models are evaluated, and how.")

    @pydantic.model_validator(mode="after")
    def _shares_its_gpus(self):
        check_gpus(self.gpus, self.sharding)
        return self


class FeatureNetwork(Section):
    """Without a codec: the network, trained on the dataset, in whose hidden layer the Fréchet distance is taken."""

    hidden: Positive = Field(description="Units of the hidden layer.")
    epochs: Positive = Field(description="Passes over the dataset in training.")
    seed: int = Field(default=0, description="Seed of its training.")


class Inception(Section):
    """With a codec: the FID protocols of SPEC 6, Inception's features against reference statistics."""

    references: dict[Name, Name] = Field(
        min_length=1,
        description="Reference statistics: a label for tables, and the name in the registry of sources. The tables' "
        "FID is that of the first.",
    )
    weights: Name = Field(
        default="inception-fid",
        description="Inception's weights in the registry of sources, for clean-fid's `legacy_pytorch`.",
    )
    torchscript: Name = Field(
        default="inception-clean",
        description="Inception as TorchScript in the registry of sources, for clean-fid's `clean`.",
    )
    subset: Positive = Field(
        default=10000,
        description="Images whose features are kept, for Inception Score, KID, precision, recall and the standard "
        "errors of FIDs.",
    )
    dtype: Annotated[Precision, Since("0.3.0", before="float32")] = Field(
        default="tf32", description="Precision of both Inception networks, as that of the codec."
    )
    batch_size: Positive = Field(default=64, description="Images that Inception sees at once.")


def _features_kind(value: object) -> str:
    of_inception = "references" in value if isinstance(value, dict) else isinstance(value, Inception)
    return "Inception" if of_inception else "FeatureNetwork"


Features = Annotated[
    Annotated[FeatureNetwork, pydantic.Tag("FeatureNetwork")] | Annotated[Inception, pydantic.Tag("Inception")],
    pydantic.Discriminator(_features_kind),
]
