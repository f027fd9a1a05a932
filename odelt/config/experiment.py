"""What an experiment is: a dataset, a codec, a network, models that are downloaded or trained, how they are scored."""

from typing import TYPE_CHECKING, Annotated, Literal

import pydantic

from odelt.config.network import FINEST_D, Architecture, Network, SolverField
from odelt.config.older import Since
from odelt.config.parsing import FileName, Name, NotNegative, Positive, Section, Share, nearest
from odelt.errors import OdeltError

SCRATCH = "scratch"  # what a model that starts from fresh weights starts from
Dtype = Literal["float32", "bfloat16"]
Precision = Literal["float32", "tf32", "bfloat16"]  # of the networks of pictures; see `odelt.vision`


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
    dtype: Annotated[Precision, Since("0.3.0", before="float32")] = "tf32"
    batch_size: Positive = 64


class Training(Section):
    """One fine-tuning (or from-scratch) run: objective (SPEC 4), optimiser and schedule (SPEC 4.6)."""

    objective: Literal["shortcut", "naive", "fm", "icfm", "rfm"] = "shortcut"
    steps: Positive
    learning_rate: Annotated[float, pydantic.Field(gt=0)]
    warmup_steps: Annotated[int, pydantic.Field(ge=0)] = 5000
    batch_size: Annotated[int, pydantic.Field(ge=16, multiple_of=16)] = 256
    weight_decay: Annotated[float, pydantic.Field(ge=0)] = 0.1
    ema_rate: Annotated[float, pydantic.Field(gt=0, lt=1)] = 0.999
    dropout: Annotated[float, pydantic.Field(ge=0, lt=1)] = 0.0
    class_dropout: Share = 0.1
    guidance: Annotated[float, pydantic.Field(ge=0)] = 1.0
    bootstrap: Literal["plain", "guided", "sm"] = (
        "plain"  # SPEC 4.2; "guided" is bootstrap_cfg; "sm" is SM's own rule (SPEC 9.6)
    )
    images: Literal["disjoint", "shared"] = "disjoint"  # SPEC 9.5; "shared" is the released behaviour
    length_draw: Literal["stratified", "independent"] = "stratified"  # see odelt.objectives.lengths
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
    d: Annotated[int, pydantic.Field(ge=0, le=FINEST_D)] = FINEST_D  # adaptive solvers only (SPEC 9.2)


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
    dtype: Annotated[Precision, Since("0.3.0", before="float32")] = "tf32"
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
