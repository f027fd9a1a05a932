"""What an experiment is: a dataset, a codec, a network, models that are downloaded or trained, how they are scored."""

import itertools
from typing import TYPE_CHECKING, Annotated, Literal

import pydantic

from odelt.config.network import Architecture, Network
from odelt.config.parsing import Dtype, FileName, Name, NotNegative, Positive, Section, nearest
from odelt.config.solver import SolverField
from odelt.config.training import Training
from odelt.errors import OdeltError
from odelt.solvers import FINEST_D

SCRATCH = "scratch"  # what a model that starts from fresh weights starts from


class Dataset(Section):
    """Images with labels (SPEC 7). Experiments that name the same dataset share its files."""

    name: Name
    kind: Literal["digits", "folder", "celebahq", "imagenet"]
    image: tuple[Positive, Positive]  # height and width to which images are brought
    channels: Literal[1, 3] = 3
    classes: Positive
    source: Name | None = None  # celebahq: what is downloaded, by its name in the registry of sources
    path: FileName | None = None  # folder, imagenet: where the user's own files are
    fraction: Annotated[float, pydantic.Field(gt=0, le=1)] = 1.0  # of every class, for trials
    flip: bool = False  # random mirror images in training

    if TYPE_CHECKING:  # the type checker does not know that a frozen section has a hash

        def __hash__(self) -> int: ...

    @pydantic.model_validator(mode="after")
    def _has_its_origin(self):
        for key, kinds in {"source": ("celebahq",), "path": ("folder", "imagenet")}.items():
            if (getattr(self, key) is not None) != (self.kind in kinds):
                fault = f"needs '{key}'" if self.kind in kinds else f"takes no '{key}': remove it"
                raise ValueError(f"a dataset of kind '{self.kind}' {fault}")
        return self


DIGITS = {"name": "digits", "kind": "digits", "image": (8, 8), "channels": 1, "classes": 10}


class Codec(Section):
    """The autoencoder between images and latents (SPEC 7)."""

    source: Name
    factor: Positive = 8  # an image's side over its latent's
    channels: Positive = 4
    scale: Annotated[float, pydantic.Field(gt=0)] = 0.18215
    dtype: Dtype = "float32"
    batch_size: Positive = 64


class ModelSettings(Section):
    """A row of the tables: weights that are downloaded, or that start somewhere and are trained."""

    label: str
    inner_ode: bool
    source: Name | None = None  # a released checkpoint, by its name in the registry of sources
    start: Name | None = None  # another model, or `scratch`
    training: Training | None = None
    seeds: Annotated[tuple[NotNegative, ...], pydantic.Field(min_length=1)] | None = None  # the suite's where not said

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


class GridBlock(Section):
    """A block of evaluation points: every listed model at every length with every solver (SPEC 6)."""

    models: list[Name]
    solvers: Annotated[list[SolverField], pydantic.Field(min_length=1)]
    weights: Literal["ema", "raw"] = "ema"
    lengths: list[Positive] | None = None  # of models with the inner ODE; all allowed ones where nothing is said
    guidance: Annotated[float, pydantic.Field(ge=0)] = 1.0
    d: Annotated[int, pydantic.Field(ge=0, le=FINEST_D)] = FINEST_D  # of solvers that take no shortcuts (SPEC 9.2)
    joint: bool = False  # adaptive solvers: one step size for a whole batch, as released (SPEC 9.8)

    @pydantic.model_validator(mode="after")
    def _can_be_joint(self):
        for solver in self.solvers if self.joint else ():
            solver.jointly(1)
        return self


class Latency(Section):
    """How generation is timed (SPEC 6)."""

    batch_size: Positive = 256
    repeats: Positive = 5


class Evaluation(Section):
    samples: Positive
    batch_size: Positive = 256
    seed: NotNegative = 0
    dtype: Dtype = "float32"
    sharding: Literal["none", "data"] = "none"  # of sampling: one GPU of its own, or all of the machine
    latency: Latency = Latency()
    grid: Annotated[list[GridBlock], pydantic.Field(min_length=1)]


class FeatureNetwork(Section):
    """The in-domain network in whose hidden layer the Fréchet distance of a small dataset is taken."""

    hidden: Positive
    epochs: Positive
    seed: int = 0


class Inception(Section):
    """The FID protocols of SPEC 6: Inception's features against downloaded reference statistics, by their label."""

    references: Annotated[dict[Name, Name], pydantic.Field(min_length=1)]  # label: name in the registry of sources
    weights: Name = "inception-fid"
    torchscript: Name = "inception-clean"
    subset: Positive = 10000  # images whose features are kept, for Inception Score, KID, precision and recall
    batch_size: Positive = 64


def _features_kind(value: object) -> str:
    of_inception = "references" in value if isinstance(value, dict) else isinstance(value, Inception)
    return "Inception" if of_inception else "FeatureNetwork"


Features = Annotated[
    Annotated[FeatureNetwork, pydantic.Tag("FeatureNetwork")] | Annotated[Inception, pydantic.Tag("Inception")],
    pydantic.Discriminator(_features_kind),
]
DatasetField = Annotated[
    Dataset,
    pydantic.BeforeValidator(
        lambda value: DIGITS if value == "digits" else value, json_schema_input_type=Dataset | Literal["digits"]
    ),
]


class Experiment(Section):
    enabled: bool = True  # else it is checked and left alone
    seed: NotNegative  # of training; the suite's where nothing is said
    dataset: DatasetField
    codec: Codec | None = None  # none: the network sees the images themselves
    network: Architecture
    models: dict[Name, ModelSettings]
    features: Features
    evaluation: Evaluation

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
        if not self.latent and self.dataset.kind in ("celebahq", "imagenet"):
            raise ValueError(f"codec: a dataset of kind '{self.dataset.kind}' needs one")
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
