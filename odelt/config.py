"""What a valid configuration is: suites, experiments, networks, training runs, grids. Nothing else decides that.

A suite is one YAML file (`config/<suite>.yaml`). Every section is a frozen, typed record; an unknown key is an error
that names the nearest known one. The JSON schema in `workflow/schemas/` is generated from here.
"""

import decimal
import difflib
import json
import math
import pathlib
import types
import typing
from typing import Annotated, Literal

import pydantic
import yaml

from odelt.errors import OdeltError

MAX_STEPS = 128  # T is a power of two up to 128: the finest step size has d = log2(128) = 7 (SPEC 1)
FINEST_D = 7
FINEST_TOLERANCE = 1e-7  # below it float32 has no digits
METHODS = ("euler", "dopri5", "tsit5")


class Section(pydantic.BaseModel):
    """A frozen record that refuses unknown keys and values of another type."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


Positive = Annotated[int, pydantic.Field(ge=1)]
Share = Annotated[float, pydantic.Field(ge=0, le=1)]
Name = Annotated[str, pydantic.Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]


class Solver(Section):
    """How the outer ODE over time is integrated (SPEC 5): `euler:T`, `dopri5:TOL` or `tsit5:TOL`."""

    method: Literal["euler", "dopri5", "tsit5"]
    steps: int | None = None
    tolerance: float | None = None

    @classmethod
    def parse(cls, text: str) -> "Solver":
        method, _, value = str(text).partition(":")
        if method == "euler":
            if not value.isdecimal() or int(value) not in [2**k for k in range(FINEST_D + 1)]:
                raise OdeltError(
                    f"solver '{text}': the number of Euler steps T is a power of two from 1 to {MAX_STEPS}"
                )
            return cls(method=method, steps=int(value))
        if method in ("dopri5", "tsit5"):
            try:
                tolerance = float(value)
            except ValueError:
                tolerance = math.nan
            if not FINEST_TOLERANCE <= tolerance < 1:
                raise OdeltError(
                    f"solver '{text}': the tolerance is a number from 1e-7 to below 1, for example {method}:1e-3"
                )
            return cls(method=method, tolerance=tolerance)
        raise OdeltError(
            f"solver '{text}': known solvers are euler:T, dopri5:TOL and tsit5:TOL{nearest(method, METHODS)}"
        )

    @property
    def adaptive(self) -> bool:
        return self.tolerance is not None

    def __str__(self) -> str:
        """The text that `parse` reads as this solver."""
        if not self.adaptive:
            return f"euler:{self.steps}"
        return f"{self.method}:{decimal.Decimal(repr(self.tolerance)).normalize():e}"


def _solver(value: object) -> object:
    return Solver.parse(value) if isinstance(value, str) else value


SolverField = Annotated[
    Solver,
    pydantic.BeforeValidator(
        _solver, json_schema_input_type=Annotated[str, pydantic.Field(pattern="^(euler|dopri5|tsit5):")]
    ),
    pydantic.PlainSerializer(str),
]


class Architecture(Section):
    """The part of a network that an experiment chooses; image size, channels and classes come from its dataset."""

    width: Positive
    heads: Positive
    depth: Positive
    group: Positive
    min_length: Positive
    patch: Positive = 2


class Network(Architecture):
    """A DiT with an inner ODE over its length (SPEC 2, 3). Saved as `config.json` beside the weights."""

    channels: Positive
    classes: Positive
    image: tuple[Positive, Positive]

    @pydantic.model_validator(mode="after")
    def _fits(self):
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
                f"length {length} is not allowed; this network has {allowed}, or 'full', the conventional path"
            )
        return length


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
    dtype: Literal["float32", "bfloat16"] = "float32"
    checkpoint_every: Positive = 1000
    log_every: Positive = 100

    @property
    def unconditional(self) -> bool:
        """Where the training guidance is 0 every label of every row is the null label (SPEC 4)."""
        return self.guidance == 0


class ModelSettings(Section):
    """One row of the tables: weights that start somewhere and are trained, with the inner ODE or without."""

    label: str
    start: Name | Literal["scratch"]
    inner_ode: bool
    training: Training


class GridBlock(Section):
    """A block of evaluation points: every listed model at every length with every solver (SPEC 6)."""

    models: list[Name]
    solvers: list[SolverField]
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
    seed: Annotated[int, pydantic.Field(ge=0)] = 0
    dtype: Literal["float32", "bfloat16"] = "float32"
    latency: Latency = Latency()
    grid: list[GridBlock]


class FeatureNetwork(Section):
    """The in-domain network in whose hidden layer the Fréchet distance of a small dataset is taken."""

    hidden: Positive
    epochs: Positive
    seed: int = 0


class Experiment(Section):
    dataset: Literal["digits"]
    network: Architecture
    models: dict[Name, ModelSettings]
    features: FeatureNetwork
    evaluation: Evaluation


class Suite(Section):
    """A whole reproduction: what `config/<suite>.yaml` holds."""

    seed: Annotated[int, pydantic.Field(ge=0)]
    experiments: dict[Name, Experiment]

    @pydantic.model_validator(mode="after")
    def _hangs_together(self):
        for name, experiment in self.experiments.items():
            where = f"experiments.{name}"
            network = network_of(experiment)
            for model, settings in experiment.models.items():
                known = [*experiment.models, "scratch"]
                if settings.start not in known:
                    raise ValueError(
                        f"{where}.models.{model}.start: no model '{settings.start}'{nearest(settings.start, known)}"
                    )
            if "scratch" in experiment.models:
                raise ValueError(f"{where}.models: 'scratch' is the name of fresh weights; give the model another")
            for model in experiment.models:
                line = _line_of_starts(experiment.models, model)
                if line[-1] != "scratch":
                    raise ValueError(
                        f"{where}.models.{model}.start: the starts go round in a circle: {' <- '.join(line)}"
                    )
            for k, block in enumerate(experiment.evaluation.grid):
                for model in block.models:
                    if model not in experiment.models:
                        raise ValueError(
                            f"{where}.evaluation.grid.{k}.models: no model '{model}'{nearest(model, experiment.models)}"
                        )
                for length in block.lengths or ():
                    try:
                        network.check_length(length)
                    except OdeltError as error:
                        raise ValueError(f"{where}.evaluation.grid.{k}.lengths: {error}") from None
        return self


DATASETS = {"digits": {"image": (8, 8), "channels": 1, "classes": 10}}


def network_of(experiment: Experiment) -> Network:
    """The experiment's network with its dataset's image size, channels and classes filled in."""
    return Network(**experiment.network.model_dump(), **DATASETS[experiment.dataset])


def nearest(word: str, known: typing.Iterable[str]) -> str:
    """ "; did you mean 'x'?" for the closest known word, else an empty string."""
    close = difflib.get_close_matches(str(word), list(known), n=1, cutoff=0.5)
    return f"; did you mean '{close[0]}'?" if close else ""


def _line_of_starts(models: dict[str, ModelSettings], model: str) -> list[str]:
    """The model, what it starts from, and so on: to `scratch`, or to the first one met again."""
    line = [model]
    while line[-1] != "scratch" and len(set(line)) == len(line):
        line.append(models[line[-1]].start)
    return line


def load_suite(path: str | pathlib.Path) -> Suite:
    """Reads and checks a suite; OdeltError names the file, the key and the nearest known key or the allowed values."""
    path = pathlib.Path(path)
    try:
        raw = yaml.safe_load(path.read_text())
    except FileNotFoundError:
        known = sorted(p.stem for p in path.parent.glob("*.yaml") if p.stem not in ("config", "reference"))
        raise OdeltError(f"there is no suite '{path.stem}' ({path}){nearest(path.stem, known)}") from None
    except yaml.YAMLError as error:
        raise OdeltError(f"{path} is not YAML: {' '.join(str(error).split())}") from None
    return parse(Suite, raw, str(path))


def parse(kind: type[Section], raw: object, where: str) -> typing.Any:
    """`kind` made from plain data; OdeltError says on one line which key is wrong and what is allowed there."""
    try:
        return kind.model_validate(raw)
    except OdeltError as error:
        raise OdeltError(f"{where}: {error}") from None
    except pydantic.ValidationError as error:
        # A misspelt key is also a missing one: the spelling is what helps.
        first = min(error.errors(), key=lambda found: found["type"] != "extra_forbidden")
        key = ".".join(map(str, first["loc"]))
        if first["type"] == "extra_forbidden":
            known = _keys_at(kind, first["loc"][:-1])
            raise OdeltError(f"{where}: unknown key '{key}'{nearest(first['loc'][-1], known)}") from None
        message = first["msg"].removeprefix("Value error, ")
        raise OdeltError(f"{where}: {key + ': ' if key else ''}{message[0].lower() + message[1:]}") from None


def parse_json(kind: type[Section], text: str, where: str) -> typing.Any:
    """As `parse`, from JSON text or, where the text is a file's name, from that YAML or JSON file."""
    try:
        raw = json.loads(text) if text.lstrip().startswith("{") else yaml.safe_load(pathlib.Path(text).read_text())
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise OdeltError(f"{where}: neither JSON nor a readable file: {' '.join(str(error).split())}") from None
    return parse(kind, raw, where)


def schema() -> dict:
    """The JSON schema of a suite, for editors; `workflow/schemas/config.schema.yaml` is this, written down."""
    return Suite.model_json_schema()


def _keys_at(kind: object, loc: tuple) -> list[str]:
    """The keys that the section at `loc` below `kind` admits."""
    for step in loc:
        kind = _child(kind, step)
    return list(getattr(kind, "model_fields", {}))


def _child(kind: object, step: object) -> object:
    if isinstance(kind, type) and issubclass(kind, pydantic.BaseModel):
        return kind.model_fields[step].annotation
    arguments = [a for a in typing.get_args(kind) if a is not type(None)]
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        return _child(arguments[0], step)
    return arguments[-1] if arguments else kind
