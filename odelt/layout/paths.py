"""Where the files of a suite are: `results/<suite>/…`. Rules, commands, tables and audit take every path from here.

`targets` is the inverse: it reads such a path.
"""

import dataclasses
import pathlib
from typing import Generic, TypeVar

from odelt.config import Dataset, Experiment, Inception, Suite, subfolders
from odelt.config.registry import Registry
from odelt.kinds.kind import own_path
from odelt.layout.grid import Point, latency_path
from odelt.layout.model_directory import CURVE, WEIGHTS

RESULTS = "results"  # the folder of the suites' folders
# Folders of a dataset, and the file of a small one.
IMAGES, LATENTS, SMALL = "images", "latents", "dataset.npz"
# Tables and figures of an experiment, and tables of a suite.
MAIN, GRID, TRADE_OFF = TABLES_OF_EXPERIMENT = ("main", "grid", "trade-off")
FIGURES_OF_EXPERIMENT = ("scaling", "scaling-flops", "samples", "training")
SCALING, SCALING_FLOPS, PICTURE_GRID, TRAINING = FIGURES_OF_EXPERIMENT
CLAIMS, VERDICTS = "claims", "verdicts"
# The kinds of files of a table and of a figure, by their endings. The last of a table names the files of its numbers.
HTML, MARKDOWN, CSV, LINKS = TABLE_ENDINGS = ("html", "md", "csv", "links.json")
SVG, PNG = FIGURE_ENDINGS = ("svg", "png")
PROGRAMS = "programs.json"  # timed ones, of an experiment or of a network of a latency study
CRATE, AUDIT_PAGE, AUDIT, REPORT = "crate", "audit.html", "audit.yaml", "report.html"
# Copies of the project's files that a suite's results keep, and a latency study's.
SUITE, LOCK, REGISTRY, PUBLISHED = "suite.yaml", "sources.lock.yaml", "sources.yaml", "reference.yaml"
STUDY, TABLES_OF_STUDY = (
    "study.yaml",
    tuple(f"{subfolders.LATENCY}.{ending}" for ending in (*TABLE_ENDINGS, *FIGURE_ENDINGS)),
)

# Of files on a disk, or of no more than their names below a folder.
P = TypeVar("P", bound=pathlib.PurePath)


@dataclasses.dataclass(frozen=True)
class ExperimentPaths(Generic[P]):
    """Files of an experiment, below `results/<suite>/<experiment>`. A point may also be given by its path, as text."""

    root: P

    def model(self, run: str) -> P:
        return self.root / subfolders.MODELS / run

    def weights(self, run: str) -> P:
        return self.model(run) / WEIGHTS

    def curve(self, run: str) -> P:
        return self.model(run) / CURVE

    def samples(self, point: Point | str) -> P:
        return self.root / subfolders.SAMPLES / f"{point}.npz"

    def features(self, point: Point | str) -> P:
        """Features of small images, by the experiment's own network."""
        return self.root / subfolders.FEATURES / f"{point}.npz"

    @property
    def feature_network(self) -> P:
        return self.root / subfolders.FEATURES / "network.safetensors"

    @property
    def real_features(self) -> P:
        return self.root / subfolders.FEATURES / "real.npz"

    def statistics(self, point: Point | str) -> P:
        """Statistics of Inception's features, where the network sees latents."""
        return self.root / subfolders.STATISTICS / f"{point}.npz"

    def pictures(self, point: Point | str) -> P:
        """Some decoded samples, where the network sees latents."""
        return self.root / subfolders.PICTURES / f"{point}.npz"

    def score(self, point: Point | str) -> P:
        return self.root / subfolders.SCORES / f"{point}.json"

    @property
    def latency(self) -> P:
        """The timing of all programs."""
        return self.root / subfolders.LATENCY / PROGRAMS

    def latency_of_model(self, model: str, length: int | None) -> P:
        """A file of older versions, which timed each model."""
        return self.root / subfolders.LATENCY / f"{latency_path(model, length)}.json"

    @property
    def floor(self) -> P:
        """The distance between two halves of the real data, of a small dataset."""
        return self.root / subfolders.SCORES / "floor.json"

    @property
    def references(self) -> P:
        """The distances of downloaded reference statistics to those of the images, of a large dataset."""
        return self.root / subfolders.SCORES / "references.json"

    def table(self, name: str, ending: str) -> P:
        return self.root / subfolders.TABLES / f"{name}.{ending}"

    def figure(self, name: str, ending: str) -> P:
        return self.root / subfolders.FIGURES / f"{name}.{ending}"


@dataclasses.dataclass(frozen=True)
class DatasetPaths(Generic[P]):
    """Files of a dataset, below `results/<suite>/datasets/<dataset>`."""

    root: P

    @property
    def small(self) -> P:
        return self.root / SMALL

    @property
    def images(self) -> P:
        """Images as tensorflow-datasets wrote them."""
        return self.root / IMAGES

    @property
    def latents(self) -> P:
        """Moments of latents."""
        return self.root / LATENTS

    @property
    def real_statistics(self) -> P:
        return self.root / "real.npz"

    @property
    def codec_error(self) -> P:
        return self.root / "codec.json"


@dataclasses.dataclass(frozen=True)
class SuitePaths(Generic[P]):
    """Files of a suite. Its experiments share sources and datasets."""

    root: P
    registry: Registry | None = None  # None: the suite downloads nothing

    def experiment(self, name: str) -> ExperimentPaths[P]:
        return ExperimentPaths(self.root / name)

    def so_far(self, experiment: str) -> ExperimentPaths[P]:
        """Tables and figures of an unfinished experiment."""
        return ExperimentPaths(self.root / subfolders.SO_FAR / experiment)

    def dataset(self, name: str) -> DatasetPaths[P]:
        return DatasetPaths(self.root / subfolders.DATASETS / name)

    def download(self, source: str, file: str | None) -> P:
        """A downloaded file under its own name, or the folder of a repository's files."""
        return self.root / subfolders.SOURCES / source / (file or "files")

    def source(self, name: str) -> P:
        """The same by the source's name in the registry."""
        assert self.registry is not None  # a suite that names a source has one
        return self.download(name, self.registry[name].file)

    def codec(self, experiment: Experiment) -> P:
        """The autoencoder of an experiment on latents."""
        assert experiment.codec is not None
        return self.source(experiment.codec.source)

    def inception(self, experiment: Experiment) -> dict[str, P]:
        """The two files of the feature network of an experiment on latents, by the options that name them."""
        return {name: self.source(getattr(_inception(experiment), name)) for name in ("weights", "torchscript")}

    def references(self, experiment: Experiment) -> list[P]:
        """The downloaded reference statistics of an experiment on latents."""
        return [self.source(name) for name in _inception(experiment).references.values()]

    def images(self, dataset: Dataset) -> P | pathlib.Path:
        """A large dataset's images as tensorflow-datasets wrote them, or the user's folder."""
        if dataset.kind.in_place:
            return own_path(dataset)
        return self.dataset(dataset.name).images

    def data(self, experiment: Experiment) -> P:
        """What an experiment trains on: small images, or the moments of latents."""
        dataset = self.dataset(experiment.dataset.name)
        return dataset.latents if experiment.latent else dataset.small

    def real_statistics(self, dataset: Dataset) -> P:
        return self.dataset(dataset.name).real_statistics

    def codec_error(self, dataset: Dataset) -> P:
        return self.dataset(dataset.name).codec_error

    def table(self, name: str, ending: str) -> P:
        """A table over all experiments."""
        return self.root / f"{name}.{ending}"

    @property
    def crate(self) -> P:
        return self.root / CRATE

    @property
    def audit_page(self) -> P:
        return self.root / AUDIT_PAGE

    @property
    def audit(self) -> P:
        """The audit's outcome in brief."""
        return self.root / AUDIT

    @property
    def report(self) -> P:
        return self.root / REPORT

    def checkpoints(self, experiment: str, run: str) -> P:
        """Saved states of an unfinished training run."""
        return self.root / subfolders.CHECKPOINTS / experiment / run


def _inception(experiment: Experiment) -> Inception:
    assert isinstance(experiment.features, Inception)  # no experiment on latents is without
    return experiment.features


@dataclasses.dataclass(frozen=True)
class StudyPaths:
    """Files of a latency study, below `results/<study>`."""

    root: pathlib.Path

    def measured(self, network: str) -> pathlib.Path:
        return self.root / network / PROGRAMS

    @property
    def tables(self) -> list[pathlib.Path]:
        """The table and the figure, in all their kinds."""
        return [self.root / name for name in TABLES_OF_STUDY]

    @property
    def study(self) -> pathlib.Path:
        return self.root / STUDY

    @property
    def published(self) -> pathlib.Path:
        return self.root / PUBLISHED


def sources_of(suite: Suite) -> list[str]:
    """The names of everything that the suite downloads, in the order of its experiments."""
    return list(dict.fromkeys(name for settings in suite.enabled.values() for name in sources_of_experiment(settings)))


def sources_of_experiment(experiment: Experiment) -> list[str]:
    names = [experiment.dataset.source, *(model.source for model in experiment.models.values())]
    features = experiment.features
    if experiment.codec and isinstance(features, Inception):
        names += [experiment.codec.source, features.weights, features.torchscript, *features.references.values()]
    return [name for name in dict.fromkeys(names) if name]
