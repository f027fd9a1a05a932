"""Where the files of a suite are: `results/<suite>/…`. Rules, commands, tables and audit take every path from here.

`targets` is the inverse: it reads such a path.
"""

import dataclasses
import pathlib
from typing import Any, Generic, TypeVar

from odelt.config import Dataset, Experiment, Inception, Suite, subfolders
from odelt.config.registry import Registry
from odelt.kinds.kind import own_path
from odelt.layout.grid import latency_path
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


def _file(*parts: str) -> Any:
    """A property: the path of these parts below the root."""
    return property(lambda self: self.root.joinpath(*parts))


def _file_of_each(folder: str, ending: str) -> Any:
    """A method: the path of what is made for a point, which may also be given by its path, as text."""
    return lambda self, point: self.root / folder / f"{point}{ending}"


@dataclasses.dataclass(frozen=True)
class ExperimentPaths(Generic[P]):
    """Files of an experiment, below `results/<suite>/<experiment>`."""

    root: P

    samples = _file_of_each(subfolders.SAMPLES, ".npz")
    # Of small images, by the experiment's own network.
    features = _file_of_each(subfolders.FEATURES, ".npz")
    feature_network = _file(subfolders.FEATURES, "network.safetensors")
    real_features = _file(subfolders.FEATURES, "real.npz")
    # Where the network sees latents: statistics of Inception's features, and some decoded samples.
    statistics = _file_of_each(subfolders.STATISTICS, ".npz")
    pictures = _file_of_each(subfolders.PICTURES, ".npz")
    score = _file_of_each(subfolders.SCORES, ".json")
    latency = _file(subfolders.LATENCY, PROGRAMS)  # of all programs
    # The distance between two halves of the real data, of a small dataset. Those of downloaded reference statistics to
    # the statistics of the images, of a large one.
    floor = _file(subfolders.SCORES, "floor.json")
    references = _file(subfolders.SCORES, "references.json")

    def model(self, run: str) -> P:
        return self.root / subfolders.MODELS / run

    def weights(self, run: str) -> P:
        return self.model(run) / WEIGHTS

    def curve(self, run: str) -> P:
        return self.model(run) / CURVE

    def latency_of_model(self, model: str, length: int | None) -> P:
        """A file of older versions, which timed each model."""
        return self.root / subfolders.LATENCY / f"{latency_path(model, length)}.json"

    def table(self, name: str, ending: str) -> P:
        return self.root / subfolders.TABLES / f"{name}.{ending}"

    def figure(self, name: str, ending: str) -> P:
        return self.root / subfolders.FIGURES / f"{name}.{ending}"


@dataclasses.dataclass(frozen=True)
class DatasetPaths(Generic[P]):
    """Files of a dataset, below `results/<suite>/datasets/<dataset>`."""

    root: P

    small = _file(SMALL)
    images = _file(IMAGES)  # as tensorflow-datasets wrote them
    latents = _file(LATENTS)  # their moments
    real_statistics = _file("real.npz")
    codec_error = _file("codec.json")


@dataclasses.dataclass(frozen=True)
class SuitePaths(Generic[P]):
    """Files of a suite. Its experiments share sources and datasets."""

    root: P
    registry: Registry | None = None  # None: the suite downloads nothing

    crate = _file(CRATE)
    audit_page = _file(AUDIT_PAGE)
    audit = _file(AUDIT)  # the outcome in brief
    report = _file(REPORT)

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

    study = _file(STUDY)
    published = _file(PUBLISHED)

    def measured(self, network: str) -> pathlib.Path:
        return self.root / network / PROGRAMS

    @property
    def tables(self) -> list[pathlib.Path]:
        """The table and the figure, in all their kinds."""
        return [self.root / name for name in TABLES_OF_STUDY]


def sources_of(suite: Suite) -> list[str]:
    """The names of everything that the suite downloads, in the order of its experiments."""
    return list(dict.fromkeys(name for settings in suite.enabled.values() for name in sources_of_experiment(settings)))


def sources_of_experiment(experiment: Experiment) -> list[str]:
    names = [experiment.dataset.source, *(model.source for model in experiment.models.values())]
    features = experiment.features
    if experiment.codec and isinstance(features, Inception):
        names += [experiment.codec.source, features.weights, features.torchscript, *features.references.values()]
    return [name for name in dict.fromkeys(names) if name]
