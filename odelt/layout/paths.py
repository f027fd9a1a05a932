"""Where the files of a suite are: `results/<suite>/…`. Rules, commands, tables and audit take every path from here.

`targets` is the inverse: it reads such a path.
"""

import dataclasses
import pathlib

from odelt.config import Dataset, Experiment, Suite
from odelt.config.registry import Registry
from odelt.layout.grid import Point, latency_path
from odelt.layout.model_directory import CURVE, WEIGHTS

# Folders of a suite's results.
SOURCES, DATASETS, LOGS, BENCHMARKS, CHECKPOINTS, SO_FAR = (
    *("sources", "datasets", "logs", "benchmarks", "checkpoints", "so-far"),
)
# Folders of an experiment's results.
MODELS, SAMPLES, STATISTICS, PICTURES, FEATURES, SCORES, LATENCY, TABLES, FIGURES = (
    *("models", "samples", "statistics", "pictures", "features", "scores", "latency", "tables", "figures"),
)
# Folders of a dataset, and the file of a small one.
IMAGES, LATENTS, SMALL = "images", "latents", "dataset.npz"
# Tables and figures of an experiment, and tables of a suite.
MAIN, GRID, TRADE_OFF = TABLES_OF_EXPERIMENT = ("main", "grid", "trade-off")
SCALING, PICTURE_GRID, TRAINING = FIGURES_OF_EXPERIMENT = ("scaling", "samples", "training")
CLAIMS, VERDICTS = "claims", "verdicts"
CRATE, AUDIT_PAGE, AUDIT, REPORT = "crate", "audit.html", "audit.yaml", "report.html"
# Copies of the project's files that a suite's results keep, and a latency study's.
SUITE, LOCK, REGISTRY, PUBLISHED = "suite.yaml", "sources.lock.yaml", "sources.yaml", "reference.yaml"
STUDY = "study.yaml"


@dataclasses.dataclass(frozen=True)
class ExperimentPaths:
    """Files of an experiment, below `results/<suite>/<experiment>`. A point may also be given by its path, as text."""

    root: pathlib.Path

    def model(self, run: str) -> pathlib.Path:
        return self.root / MODELS / run

    def weights(self, run: str) -> pathlib.Path:
        return self.model(run) / WEIGHTS

    def curve(self, run: str) -> pathlib.Path:
        return self.model(run) / CURVE

    def samples(self, point: Point | str) -> pathlib.Path:
        return self.root / SAMPLES / f"{point}.npz"

    def features(self, point: Point | str) -> pathlib.Path:
        """Features of small images, by the experiment's own network."""
        return self.root / FEATURES / f"{point}.npz"

    @property
    def feature_network(self) -> pathlib.Path:
        return self.root / FEATURES / "network.safetensors"

    @property
    def real_features(self) -> pathlib.Path:
        return self.root / FEATURES / "real.npz"

    def statistics(self, point: Point | str) -> pathlib.Path:
        """Statistics of Inception's features, where the network sees latents."""
        return self.root / STATISTICS / f"{point}.npz"

    def pictures(self, point: Point | str) -> pathlib.Path:
        """Some decoded samples, where the network sees latents."""
        return self.root / PICTURES / f"{point}.npz"

    def score(self, point: Point | str) -> pathlib.Path:
        return self.root / SCORES / f"{point}.json"

    def latency(self, model: str, length: int | None) -> pathlib.Path:
        return self.latency_of(latency_path(model, length))

    def latency_of(self, timed: str) -> pathlib.Path:
        """The same by `<model>/<length>`."""
        return self.root / LATENCY / f"{timed}.json"

    @property
    def floor(self) -> pathlib.Path:
        """The distance between two halves of the real data, of a small dataset."""
        return self.root / SCORES / "floor.json"

    @property
    def references(self) -> pathlib.Path:
        """The distances of downloaded reference statistics to those of the images, of a large dataset."""
        return self.root / SCORES / "references.json"

    def table(self, name: str, ending: str) -> pathlib.Path:
        return self.root / TABLES / f"{name}.{ending}"

    def figure(self, name: str, ending: str) -> pathlib.Path:
        return self.root / FIGURES / f"{name}.{ending}"


@dataclasses.dataclass(frozen=True)
class DatasetPaths:
    """Files of a dataset, below `results/<suite>/datasets/<dataset>`."""

    root: pathlib.Path

    @property
    def small(self) -> pathlib.Path:
        return self.root / SMALL

    @property
    def images(self) -> pathlib.Path:
        """Images as tensorflow-datasets wrote them."""
        return self.root / IMAGES

    @property
    def latents(self) -> pathlib.Path:
        """Moments of latents."""
        return self.root / LATENTS

    @property
    def real_statistics(self) -> pathlib.Path:
        return self.root / "real.npz"

    @property
    def codec_error(self) -> pathlib.Path:
        return self.root / "codec.json"


@dataclasses.dataclass(frozen=True)
class SuitePaths:
    """Files of a suite. Its experiments share sources and datasets."""

    root: pathlib.Path
    registry: Registry | None = None  # None: the suite downloads nothing

    def experiment(self, name: str) -> ExperimentPaths:
        return ExperimentPaths(self.root / name)

    def so_far(self, experiment: str) -> ExperimentPaths:
        """Tables and figures of an unfinished experiment."""
        return ExperimentPaths(self.root / SO_FAR / experiment)

    def dataset(self, name: str) -> DatasetPaths:
        return DatasetPaths(self.root / DATASETS / name)

    def download(self, source: str, file: str | None) -> pathlib.Path:
        """A downloaded file under its own name, or the folder of a repository's files."""
        return self.root / SOURCES / source / (file or "files")

    def source(self, name: str) -> pathlib.Path:
        """The same by the source's name in the registry."""
        return self.download(name, self.registry[name].file)

    def images(self, dataset: Dataset) -> pathlib.Path:
        """A large dataset's images as tensorflow-datasets wrote them, or the user's folder."""
        return pathlib.Path(dataset.path) if dataset.kind == "folder" else self.dataset(dataset.name).images

    def data(self, experiment: Experiment) -> pathlib.Path:
        """What an experiment trains on: small images, or the moments of latents."""
        dataset = self.dataset(experiment.dataset.name)
        return dataset.latents if experiment.latent else dataset.small

    def real_statistics(self, dataset: Dataset) -> pathlib.Path:
        return self.dataset(dataset.name).real_statistics

    def codec_error(self, dataset: Dataset) -> pathlib.Path:
        return self.dataset(dataset.name).codec_error

    def table(self, name: str, ending: str) -> pathlib.Path:
        """A table over all experiments."""
        return self.root / f"{name}.{ending}"

    @property
    def crate(self) -> pathlib.Path:
        return self.root / CRATE

    @property
    def audit_page(self) -> pathlib.Path:
        return self.root / AUDIT_PAGE

    @property
    def audit(self) -> pathlib.Path:
        """The audit's outcome in brief."""
        return self.root / AUDIT

    @property
    def report(self) -> pathlib.Path:
        return self.root / REPORT

    def checkpoints(self, experiment: str, run: str) -> pathlib.Path:
        """Saved states of an unfinished training run."""
        return self.root / CHECKPOINTS / experiment / run


@dataclasses.dataclass(frozen=True)
class StudyPaths:
    """Files of a latency study, below `results/<study>`. A length is given by its name."""

    root: pathlib.Path

    def measured(self, network: str, length: str) -> pathlib.Path:
        return self.root / network / f"{length}.json"

    def table(self, ending: str) -> pathlib.Path:
        return self.root / f"{LATENCY}.{ending}"

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
    if experiment.latent:
        features = experiment.features
        names += [experiment.codec.source, features.weights, features.torchscript, *features.references.values()]
    return [name for name in dict.fromkeys(names) if name]
