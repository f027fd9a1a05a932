"""What an experiment is: a dataset, a codec, a network, models that are downloaded or trained, how they are scored."""

import itertools
from typing import Annotated, Any

import pydantic
from pydantic import Field

from odelt.config.dataset import Codec, DatasetField
from odelt.config.evaluation import Evaluation, Features, GridBlock, Inception
from odelt.config.network import Architecture, Network
from odelt.config.parsing import Name, NotNegative, Section, nearest
from odelt.config.training import Training
from odelt.errors import OdeltError

SCRATCH = "scratch"  # what a model that starts from fresh weights starts from


class ModelSettings(Section):
    """A row of the tables: weights that are downloaded (`source`), or trained (`start` and `training`)."""

    label: str = Field(description="The model's name in tables and figures.")
    inner_ode: bool = Field(
        description="Whether the model has the inner ODE over its length (SPEC 3). Otherwise all blocks act."
    )
    source: Name | None = Field(
        default=None, description="A released checkpoint, by its name in the registry of sources."
    )
    start: Name | None = Field(
        default=None,
        description="Model whose weights training starts from, or `scratch` for fresh weights. Of a model with several "
        "seeds it takes the run of its own seed, or else the first.",
    )
    training: Training | None = Field(default=None, description="How the model is trained.")
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
        if self.training is not None and self.inner_ode and not self.training.objective.inner_ode:
            raise ValueError(f"inner_ode: false is needed for the objective '{self.training.objective.name}'")
        if len(set(self.seeds or ())) != len(self.seeds or ()):
            raise ValueError("seeds: one of them is there twice")
        return self


def _without_seed(schema: dict[str, Any]) -> None:
    """A suite gives its seed to the experiments without one."""
    schema["required"].remove("seed")


class Experiment(Section):
    """A dataset, a network, the models that are trained or downloaded, and their evaluation."""

    model_config = pydantic.ConfigDict(json_schema_extra=_without_seed)

    enabled: bool = Field(default=True, description="Whether it is run. Otherwise it is only checked.")
    seed: NotNegative = Field(description="Seed of training. Default: the suite's.")
    dataset: DatasetField = Field(description="The images. A name alone stands for a dataset that has no other keys.")
    codec: Codec | None = Field(
        default=None,
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
            self._check_solvers(k, block)
        return self

    def _check_solvers(self, k: int, block: GridBlock) -> None:
        for model, solver in itertools.product(block.models, block.solvers):
            if training := self.models[model].training:
                try:
                    training.objective.check_solver(solver)
                except OdeltError as error:
                    raise ValueError(f"evaluation.grid.{k}.solvers: {error}") from None

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
        for model, settings in self.models.items():
            if settings.training and (objective := settings.training.objective).distils:
                of_start = self.models[settings.start].training if settings.start in self.models else None
                if not (of_start and of_start.objective.teaches):
                    raise ValueError(
                        f"models.{model}.start: the objective '{objective.name}' distils a model that is trained with "
                        f"'naive'; '{settings.start}' is not"
                    )
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
