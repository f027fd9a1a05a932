"""Where a suite's files lie: `results/<suite>/…`. The workflow and the tables share it, so that neither guesses."""

import dataclasses
import pathlib

from odelt.config import Dataset, Experiment, Suite
from odelt.config.registry import Registry
from odelt.layout.grid import Point, latency_path


@dataclasses.dataclass(frozen=True)
class ExperimentPaths:
    """An experiment's files, below `results/<suite>/<experiment>`."""

    root: pathlib.Path

    def model(self, run: str) -> pathlib.Path:
        return self.root / "models" / run

    def samples(self, point: Point) -> pathlib.Path:
        return self.root / "samples" / f"{point.path}.npz"

    def statistics(self, point: Point) -> pathlib.Path:
        """Of Inception's features, where the network sees latents."""
        return self.root / "statistics" / f"{point.path}.npz"

    def pictures(self, point: Point) -> pathlib.Path:
        """Some decoded samples, where the network sees latents."""
        return self.root / "pictures" / f"{point.path}.npz"

    def score(self, point: Point) -> pathlib.Path:
        return self.root / "scores" / f"{point.path}.json"

    def latency(self, model: str, length: int | None) -> pathlib.Path:
        return self.root / "latency" / f"{latency_path(model, length)}.json"

    @property
    def floor(self) -> pathlib.Path:
        """The distance between two halves of the real data, of a small dataset."""
        return self.root / "scores" / "floor.json"

    @property
    def references(self) -> pathlib.Path:
        """The distances of downloaded reference statistics to those of the images, of a large dataset."""
        return self.root / "scores" / "references.json"

    def curve(self, run: str) -> pathlib.Path:
        return self.model(run) / "training.csv"


@dataclasses.dataclass(frozen=True)
class SuitePaths:
    """A whole suite's files. Sources and datasets are shared by its experiments."""

    root: pathlib.Path
    registry: Registry | None  # None: the suite downloads nothing

    def experiment(self, name: str) -> ExperimentPaths:
        return ExperimentPaths(self.root / name)

    def source(self, name: str) -> pathlib.Path:
        """A downloaded file under its own name, or the folder of a repository's files."""
        return self.root / "sources" / name / (self.registry[name].file or "files")

    def images(self, dataset: Dataset) -> pathlib.Path:
        """A large dataset's images as tensorflow-datasets wrote them, or the user's folder."""
        return pathlib.Path(dataset.path) if dataset.kind == "folder" else self._dataset(dataset) / "images"

    def data(self, experiment: Experiment) -> pathlib.Path:
        """What an experiment trains on: small images, or the moments of latents."""
        return self._dataset(experiment.dataset) / ("latents" if experiment.latent else "dataset.npz")

    def real_statistics(self, dataset: Dataset) -> pathlib.Path:
        return self._dataset(dataset) / "real.npz"

    def codec_error(self, dataset: Dataset) -> pathlib.Path:
        return self._dataset(dataset) / "codec.json"

    def _dataset(self, dataset: Dataset) -> pathlib.Path:
        return self.root / "datasets" / dataset.name


def sources_of(suite: Suite) -> list[str]:
    """The names of everything that the suite downloads, in the order of its experiments."""
    return list(dict.fromkeys(name for settings in suite.enabled.values() for name in sources_of_experiment(settings)))


def sources_of_experiment(experiment: Experiment) -> list[str]:
    names = [experiment.dataset.source, *(model.source for model in experiment.models.values())]
    if experiment.latent:
        features = experiment.features
        names += [experiment.codec.source, features.weights, features.torchscript, *features.references.values()]
    return [name for name in dict.fromkeys(names) if name]
