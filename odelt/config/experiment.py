"""What an experiment is: a dataset, a codec, a network, models that are downloaded or trained, how they are scored."""

from typing import Annotated, Any, Literal

import pydantic
from pydantic import Field

from odelt.config.dataset import Codec, DatasetField, Dtype
from odelt.config.evaluation import Evaluation, Features, Inception
from odelt.config.network import Architecture, Network
from odelt.config.parsing import Name, NotNegative, Positive, Section, Share, nearest
from odelt.errors import OdeltError

SCRATCH = "scratch"  # what a model that starts from fresh weights starts from


class Training(Section):
    """A training run: objective (SPEC 4), optimiser and schedule (SPEC 4.6). The defaults suit 100,000 steps."""

    objective: Literal["shortcut", "naive", "fm", "icfm", "rfm"] = Field(
        "shortcut", description="What the network learns (SPEC 4; 4.5 for all but `shortcut`)."
    )
    steps: Positive = Field(description="Steps of the optimiser.")
    learning_rate: float = Field(
        gt=0, description="Learning rate after the warm-up. Over the last 10 % of the steps it falls to 0, as a cosine."
    )
    warmup_steps: NotNegative = Field(
        5000, description="Steps in which the learning rate rises linearly from 0. At most 90 % of `steps`."
    )
    batch_size: int = Field(256, ge=16, multiple_of=16, description="Rows of a batch.")
    weight_decay: float = Field(0.1, ge=0, description="Decoupled weight decay (AdamW) of all weights.")
    ema_rate: float = Field(
        0.999,
        gt=0,
        lt=1,
        description="Share of the moving average of the weights (EMA) that stays at each step. A run warns if "
        "`ema_rate` to the power of `steps` is above 5 %: the average then still holds the weights at the start.",
    )
    dropout: float = Field(0.0, ge=0, lt=1, description="Probability of dropout in the blocks' MLPs.")
    class_dropout: Share = Field(
        0.1, description="Probability that a row of flow matching gets the null label instead of its own (SPEC 4.1)."
    )
    guidance: float = Field(
        1.0,
        ge=0,
        description="Guidance scale w of the teacher, where `bootstrap` guides it (SPEC 4.2). 0: every row has the "
        "null label, so that training is unconditional.",
    )
    bootstrap: Literal["plain", "guided", "sm"] = Field(
        "plain",
        description="Rule of the time-consistency targets (SPEC 4.2). `plain`: without guidance; `guided`: every image "
        "twice, with a plain and with a guided target; `sm`: SM's own rule (SPEC 9.6).",
    )
    images: Literal["disjoint", "shared"] = Field(
        "disjoint",
        description="Whether rows of different targets have different images and noise, or share them as in the "
        "released code (SPEC 9.5).",
    )
    length_draw: Literal["stratified", "independent"] = Field(
        "stratified",
        description="How rows get their lengths (SPEC 4.3). `stratified`: each length has a fixed share of the batch, "
        "which is faster; `independent`: each row draws its own.",
    )
    length_share: float = Field(
        0.125,
        ge=0,
        le=0.875,
        description="Share of the rows with a length-consistency target (SPEC 4.3). Only of models with the inner ODE.",
    )
    time: Literal["discrete", "continuous"] = Field(
        "discrete",
        description="How `fm`, `icfm` and `rfm` draw t: a multiple of 1/128, or any number from 0 to 1 (SPEC 4.5).",
    )
    icfm_noise: Literal["independent", "released"] = Field(
        "independent",
        description="The noise ε of `icfm`: its own, or that of x_0 as in the released code (SPEC 9.7).",
    )
    dtype: Dtype = Field("float32", description="Precision of the network's computation. Weights are float32.")
    sharding: Literal["none", "data", "full"] = Field(
        "none",
        description="What the GPUs of the machine share. `none`: nothing, the run takes a single GPU; `data`: the "
        "rows; `full`: the rows, the weights and the optimiser's state.",
    )
    checkpoint_every: Positive = Field(
        1000, description="Steps between two saved states, from which an interrupted run goes on."
    )
    log_every: Positive = Field(100, description="Steps between two points of the training curve.")

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


class ModelSettings(Section):
    """A row of the tables: weights that are downloaded (`source`), or trained (`start` and `training`)."""

    label: str = Field(description="The model's name in tables and figures.")
    inner_ode: bool = Field(
        description="Whether the model has the inner ODE over its length (SPEC 3). Otherwise all blocks act."
    )
    source: Name | None = Field(None, description="A released checkpoint, by its name in the registry of sources.")
    start: Name | None = Field(
        None,
        description="Model whose weights training starts from, or `scratch` for fresh weights. Of a model with several "
        "seeds it takes the first.",
    )
    training: Training | None = Field(None, description="How the model is trained.")
    seeds: Annotated[tuple[NotNegative, ...], Field(min_length=1)] | None = Field(
        None, description="Seeds of training, with a run for each. Default: the experiment's seed."
    )

    @pydantic.model_validator(mode="after")
    def _is_downloaded_or_trained(self):
        trained = [key for key in ("start", "training", "seeds") if getattr(self, key) is not None]
        if self.source is not None and trained:
            raise ValueError(f"a model with a 'source' is not trained: remove '{trained[0]}', or 'source'")
        if self.source is None and (self.start is None or self.training is None):
            raise ValueError("a model has either a 'source', or a 'start' and 'training'")
        if len(set(self.seeds or ())) != len(self.seeds or ()):
            raise ValueError("seeds: one of them is there twice")
        return self


def _without_seed(schema: dict[str, Any]) -> None:
    """A suite gives its seed to the experiments without one."""
    schema["required"].remove("seed")


class Experiment(Section):
    """A dataset, a network, the models that are trained or downloaded, and their evaluation."""

    model_config = pydantic.ConfigDict(json_schema_extra=_without_seed)

    enabled: bool = Field(True, description="Whether it is run. Otherwise it is only checked.")
    seed: NotNegative = Field(description="Seed of training. Default: the suite's.")
    dataset: DatasetField = Field(description="The images. A name alone stands for a dataset that has no other keys.")
    codec: Codec | None = Field(
        None,
        description="The autoencoder between images and latents. Without it the network sees the images.",
    )
    network: Architecture = Field(description="Sizes of the network.")
    models: dict[Name, ModelSettings] = Field(description="The models, by name: the rows of the tables.")
    features: Features = Field(description="Where the Fréchet distance is taken: with a codec, Inception's features.")
    evaluation: Evaluation = Field(description="What is sampled, timed and scored.")

    @property
    def latent(self) -> bool:
        """Whether the network sees latents; the features are then Inception's."""
        return self.codec is not None

    @pydantic.model_validator(mode="after")
    def _hangs_together(self):
        network = network_of(self)
        if self.latent != isinstance(self.features, Inception):
            raise ValueError(
                "features: with a codec they are Inception's ('references'), without one 'hidden' and 'epochs'"
            )
        if self.latent and self.dataset.channels != 3:
            raise ValueError("codec: it needs images with 3 channels")
        if not self.latent and self.dataset.kind.load is None:
            raise ValueError(f"codec: a dataset of kind '{self.dataset.kind}' needs one")
        if self.latent and self.dataset.kind.open is None:
            raise ValueError(f"codec: a dataset of kind '{self.dataset.kind}' takes none: remove it")
        self._check_starts()
        for k, block in enumerate(self.evaluation.grid):
            for model in block.models:
                if model not in self.models:
                    raise ValueError(f"evaluation.grid.{k}.models: no model '{model}'{nearest(model, self.models)}")
            for length in block.lengths or ():
                try:
                    network.check_length(length)
                except OdeltError as error:
                    raise ValueError(f"evaluation.grid.{k}.lengths: {error}") from None
        return self

    def _check_starts(self) -> None:
        for model, settings in self.models.items():
            for seed in settings.seeds or ():
                if (name := f"{model}-seed{seed}") in self.models:
                    raise ValueError(f"models.{name}: '{model}' with seed {seed} has this name; choose another")
        if SCRATCH in self.models:
            raise ValueError(f"models: '{SCRATCH}' is the name of fresh weights; give the model another")
        known = [*self.models, SCRATCH]
        for model, settings in self.models.items():
            if settings.start is not None and settings.start not in known:
                raise ValueError(f"models.{model}.start: no model '{settings.start}'{nearest(settings.start, known)}")
        for model in self.models:
            line = _line_of_starts(self.models, model)
            if len(set(line)) < len(line):
                raise ValueError(f"models.{model}.start: the starts go round in a circle: {' <- '.join(line)}")


def network_of(experiment: Experiment) -> Network:
    """Returns the experiment's network, with the image size, channels and classes of its inputs filled in."""
    dataset, codec = experiment.dataset, experiment.codec
    image, channels = dataset.image, dataset.channels
    if codec is not None:
        if any(side % codec.factor for side in image):
            raise ValueError(f"dataset.image: the codec's factor {codec.factor} does not divide {image[0]}x{image[1]}")
        image, channels = (image[0] // codec.factor, image[1] // codec.factor), codec.channels
    return Network(**experiment.network.model_dump(), image=image, channels=channels, classes=dataset.classes)


def _line_of_starts(models: dict[str, ModelSettings], model: str) -> list[str]:
    """Returns the model, the model that it starts from, and so on.

    The line ends at fresh or downloaded weights, or at the first model that it contains already.
    """
    line = [model]
    while line[-1] != SCRATCH and (start := models[line[-1]].start) is not None and len(set(line)) == len(line):
        line.append(start)
    return line
