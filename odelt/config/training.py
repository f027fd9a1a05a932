"""What a training run is."""

from typing import Annotated, Literal

import pydantic
from pydantic import Field

from odelt.config.entries import BootstrapField, ObjectiveField
from odelt.config.older import Since
from odelt.config.parsing import Dtype, NotNegative, Positive, Section, Share, check_gpus
from odelt.objectives import DEFAULT_OBJECTIVE


class Training(Section):
    """A training run: objective (SPEC 4), optimiser and schedule (SPEC 4.6). The defaults suit 100,000 steps."""

    objective: ObjectiveField = Field(
        default=DEFAULT_OBJECTIVE.name,
        validate_default=True,
        description="What the network learns (SPEC 4). SM's baselines (SPEC 4.7) combine with no inner ODE; "
        "`progressive` and `consistency-distillation` start from a model of `naive`.",
    )
    steps: Positive = Field(description="Steps of the optimiser.")
    learning_rate: float = Field(
        gt=0, description="Learning rate after the warm-up. Over the last 10 % of the steps it falls to 0, as a cosine."
    )
    warmup_steps: NotNegative = Field(
        default=5000, description="Steps in which the learning rate rises linearly from 0. At most 90 % of `steps`."
    )
    batch_size: int = Field(default=256, ge=16, multiple_of=16, description="Rows of a batch.")
    weight_decay: float = Field(default=0.1, ge=0, description="Decoupled weight decay (AdamW) of all weights.")
    ema_rate: float = Field(
        default=0.999,
        gt=0,
        lt=1,
        description="Share of the moving average of the weights (EMA) that stays at each step. A run warns if "
        "`ema_rate` to the power of `steps` is above 5 %: the average then still holds the weights at the start.",
    )
    dropout: float = Field(default=0.0, ge=0, lt=1, description="Probability of dropout in the blocks' MLPs.")
    class_dropout: Share = Field(
        default=0.1,
        description="Probability that a row of flow matching gets the null label instead of its own (SPEC 4.1).",
    )
    guidance: float = Field(
        default=1.0,
        ge=0,
        description="Guidance scale w of the teacher, where `bootstrap` guides it (SPEC 4.2). 0: every row has the "
        "null label, so that training is unconditional.",
    )
    bootstrap: BootstrapField = Field(
        default="plain",
        validate_default=True,
        description="Rule of the time-consistency targets (SPEC 4.2). `plain`: without guidance; `guided`: every image "
        "twice, with a plain and with a guided target; `sm`: SM's own rule (SPEC 9.6).",
    )
    images: Literal["disjoint", "shared"] = Field(
        default="disjoint",
        description="Whether rows of different targets have different images and noise, or share them as in the "
        "released code (SPEC 9.5).",
    )
    length_draw: Literal["stratified", "independent"] = Field(
        default="stratified",
        description="How rows get their lengths (SPEC 4.3). `stratified`: each length has a fixed share of the batch, "
        "which is faster; `independent`: each row draws its own.",
    )
    length_share: float = Field(
        default=0.125,
        ge=0,
        le=0.875,
        description="Share of the rows with a length-consistency target (SPEC 4.3). Only of models with the inner ODE.",
    )
    time: Literal["discrete", "continuous"] = Field(
        default="discrete",
        description="How `fm`, `icfm` and `rfm` draw t: a multiple of 1/128, or any number from 0 to 1 (SPEC 4.5).",
    )
    icfm_noise: Literal["independent", "released"] = Field(
        default="independent",
        description="The noise ε of `icfm`: its own, or that of x_0 as in the released code (SPEC 9.7).",
    )
    dtype: Dtype = Field(default="float32", description="Precision of the network's computation. Weights are float32.")
    sharding: Literal["none", "data", "full"] = Field(
        default="none",
        description="What the GPUs of the machine share. `none`: nothing, the run takes a single GPU; `data`: the "
        "rows; `full`: the rows, the weights and the optimiser's state.",
    )
    gpus: Annotated[Positive, Since("0.3.0", before=1)] = Field(
        default=1, description="GPUs of one machine that a run takes. More than 1 needs `sharding`."
    )
    checkpoint_every: Positive = Field(
        default=1000, description="Steps between two saved states, from which an interrupted run goes on."
    )
    log_every: Positive = Field(default=100, description="Steps between two points of the training curve.")

    @pydantic.model_validator(mode="after")
    def _warms_up_before_it_decays(self):
        if self.warmup_steps > 0.9 * self.steps:
            raise ValueError(
                f"warmup_steps: {self.warmup_steps} is more than 90 % of the {self.steps} steps, where the decay begins"
            )
        return self

    @pydantic.model_validator(mode="after")
    def _shares_its_gpus(self):
        check_gpus(self.gpus, self.sharding)
        return self

    @property
    def unconditional(self) -> bool:
        """Where the training guidance is 0 every label of every row is the null label (SPEC 4)."""
        return self.guidance == 0

    @property
    def guides(self) -> bool:
        """Whether a guided velocity needs the network twice."""
        return self.guidance not in (0, 1)

    @property
    def continuous_time(self) -> bool:
        return self.time == "continuous"

    @property
    def released_noise(self) -> bool:
        """Whether icfm's ε is its x_0 (SPEC 9.7)."""
        return self.icfm_noise == "released"

    @property
    def stratified(self) -> bool:
        """Whether lengths are drawn together, in fixed shares."""
        return self.length_draw == "stratified"

    @property
    def consistency_rows(self) -> int:
        """The first rows of a batch, whose targets networks answer."""
        consistency = self.objective.consistency
        return round(self.batch_size * consistency.share) if consistency else 0

    @property
    def flow_rows(self) -> int:
        """The other rows, each of an image of its own."""
        return self.batch_size - self.consistency_rows

    @property
    def consistency_draws(self) -> int:
        """Draws of noise, a label and perhaps an image, of which the consistency rows are made."""
        consistency = self.objective.consistency
        return consistency.draws(self) if consistency else 0

    @property
    def consistency_images(self) -> int:
        """Images that the consistency rows do not share with flow rows."""
        consistency = self.objective.consistency
        takes = consistency is not None and consistency.takes_images and not self.shares_images
        return self.consistency_draws if takes else 0

    @property
    def shares_images(self) -> bool:
        """Whether consistency rows have the noise, and the images or times, of flow rows (SPEC 9.5)."""
        return self.images == "shared" and bool(self.flow_rows)

    @property
    def images_per_step(self) -> int:
        """Images that a step takes from the loader."""
        return self.flow_rows + self.consistency_images

    def length_rows(self, inner_ode: bool) -> int:
        """The last rows of a batch, which get a target of length consistency (SPEC 4.3)."""
        return round(self.batch_size * self.length_share) if inner_ode else 0
