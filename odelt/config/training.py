"""What a training run is."""

from typing import Annotated, Literal

import pydantic

from odelt.config.entries import BootstrapField, ObjectiveField
from odelt.config.parsing import Dtype, Positive, Section, Share
from odelt.objectives import DEFAULT_OBJECTIVE


class Training(Section):
    """One fine-tuning (or from-scratch) run: objective (SPEC 4), optimiser and schedule (SPEC 4.6)."""

    objective: ObjectiveField = pydantic.Field(default=DEFAULT_OBJECTIVE.name, validate_default=True)
    steps: Positive
    learning_rate: Annotated[float, pydantic.Field(gt=0)]
    warmup_steps: Annotated[int, pydantic.Field(ge=0)] = 5000
    batch_size: Annotated[int, pydantic.Field(ge=16, multiple_of=16)] = 256
    weight_decay: Annotated[float, pydantic.Field(ge=0)] = 0.1
    ema_rate: Annotated[float, pydantic.Field(gt=0, lt=1)] = 0.999
    dropout: Annotated[float, pydantic.Field(ge=0, lt=1)] = 0.0
    class_dropout: Share = 0.1
    guidance: Annotated[float, pydantic.Field(ge=0)] = 1.0
    bootstrap: BootstrapField = pydantic.Field(default="plain", validate_default=True)  # of the shortcut objective
    images: Literal["disjoint", "shared"] = "disjoint"  # SPEC 9.5; "shared" is the released behaviour
    length_draw: Literal["stratified", "independent"] = "stratified"  # see odelt.training.lengths
    length_share: Annotated[float, pydantic.Field(ge=0, le=0.875)] = (
        0.125  # of the rows, with a length-consistency target (SPEC 4.3)
    )
    time: Literal["discrete", "continuous"] = "discrete"  # of fm, icfm and rfm (SPEC 4.5)
    icfm_noise: Literal["independent", "released"] = "independent"  # SPEC 9.7
    dtype: Dtype = "float32"
    sharding: Literal["none", "data", "full"] = "none"  # one GPU of its own, or all of the machine
    checkpoint_every: Positive = 1000
    log_every: Positive = 100

    @pydantic.model_validator(mode="after")
    def _warms_up_before_it_decays(self):
        if self.warmup_steps > 0.9 * self.steps:
            raise ValueError(
                f"warmup_steps: {self.warmup_steps} is more than 90 % of the {self.steps} steps, where the decay begins"
            )
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
