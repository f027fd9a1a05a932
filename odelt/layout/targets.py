"""What an output of a suite is, by its path: reads what `paths` writes."""

import dataclasses
import functools
import pathlib

from odelt.config import Codec, Dataset, Experiment, Inception, Suite, subfolders
from odelt.layout import grid, paths

OF_POINTS = (subfolders.SAMPLES, subfolders.FEATURES, subfolders.STATISTICS, subfolders.PICTURES, subfolders.SCORES)


class UnknownTarget(LookupError):
    """The suite asks for no such output."""


@dataclasses.dataclass(frozen=True)
class Target:
    """An output of a suite. Its properties raise UnknownTarget where the path is no such thing of the suite."""

    suite: Suite | None  # None: it is a latency study's
    suite_name: str | None
    path: str  # below the suite's folder

    @functools.cached_property
    def parts(self) -> tuple[str, ...]:
        return pathlib.PurePosixPath(self.path).parts

    @property
    def configured(self) -> Suite:
        if self.suite is None:
            raise UnknownTarget(self.path)
        return self.suite

    @property
    def experiment_name(self) -> str:
        return self._part(0)

    @property
    def experiment(self) -> Experiment:
        return _known(self.configured.enabled, self.experiment_name)

    @property
    def run(self) -> grid.Run:
        """Of a model directory, or a file in it."""
        self._check_folder(subfolders.MODELS)
        return _known(grid.runs(self.experiment), self._part(2))

    @property
    def point(self) -> grid.Point:
        """Of a sample set, or of what is made from one."""
        self._check_folder(*OF_POINTS)
        below = "/".join(self.parts[2:])
        return _known({point.path: point for point in grid.points(self.experiment)}, below.removesuffix(self._ending))

    @property
    def timed(self) -> tuple[str, int | None]:
        """The model and the length of a latency of older versions."""
        self._check_folder(subfolders.LATENCY)
        model, length = self._part(2), self._part(3).removesuffix(self._ending)
        known = {grid.latency_path(*timed): timed for timed in grid.latency_points(self.experiment)}
        return _known(known, f"{model}/{length}")

    @property
    def is_superseded(self) -> bool:
        """Whether only older versions made such an output: a latency of each model and length."""
        return len(self.parts) == 4 and self.parts[1] == subfolders.LATENCY

    @property
    def user_of_dataset(self) -> Experiment:
        """The first experiment that uses the dataset of this file."""
        if self._part(0) != subfolders.DATASETS:
            raise UnknownTarget(self.path)
        return _known(self.configured.users, self._part(1))

    @property
    def dataset(self) -> Dataset:
        return self.user_of_dataset.dataset

    @property
    def codec(self) -> Codec:
        """Of this file's dataset."""
        if self.user_of_dataset.codec is None:
            raise UnknownTarget(self.path)
        return self.user_of_dataset.codec

    @property
    def inception(self) -> Inception:
        """Of the experiment whose scores are FIDs."""
        if not isinstance(self.experiment.features, Inception):
            raise UnknownTarget(self.path)
        return self.experiment.features

    @property
    def source(self) -> str:
        """The name of a download."""
        if self._part(0) != subfolders.SOURCES:
            raise UnknownTarget(self.path)
        return self._part(1)

    @property
    def is_of_real_images(self) -> bool:
        """Whether these are features of the real images, and not of samples."""
        return self.path == paths.ExperimentPaths(pathlib.PurePosixPath(self.experiment_name)).real_features.as_posix()

    @property
    def _ending(self) -> str:
        return pathlib.PurePosixPath(self.path).suffix

    def _check_folder(self, *folders: str) -> None:
        if self._part(1) not in folders:
            raise UnknownTarget(self.path)

    def _part(self, index: int) -> str:
        if index >= len(self.parts):
            raise UnknownTarget(self.path)
        return self.parts[index]


def dataset_name(path: str) -> str | None:
    """The name of the dataset that an output belongs to; None where it belongs to none."""
    parts = pathlib.PurePosixPath(path).parts
    return parts[1] if len(parts) > 1 and parts[0] == subfolders.DATASETS else None


def _known(known, name):
    if name not in known:
        raise UnknownTarget(name)
    return known[name]
