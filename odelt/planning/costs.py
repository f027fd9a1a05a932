"""What a suite costs: floating-point operations, bytes and downloads, counted from its configuration."""

import math
import pathlib
from collections.abc import Callable
from typing import NamedTuple

from odelt import operations
from odelt.config import Experiment, FeatureNetwork, network_of
from odelt.layout import grid
from odelt.layout.paths import DatasetPaths, ExperimentPaths

BYTES = 4  # of a stored float32

# Convolutional networks that others keep: operations per image, two per multiplication, and for the autoencoder per
# pixel, since it is convolutional (its few attention layers are left out). From their published sizes.
INCEPTION = 11.4e9  # at 299×299, each of the two protocols
ENCODE, DECODE = 0.27e12 / 256**2, 0.62e12 / 256**2
FEATURES = 2048


class Cost(NamedTuple):
    """Floating-point operations by kind of work, and bytes."""

    training: float
    sampling: float
    latency: float
    pictures: float  # decoding and Inception
    kept: float  # bytes that stay on the disk
    passing: float  # bytes that are there for a while, at their peak

    @property
    def operations(self) -> float:
        return self.training + self.sampling + self.latency + self.pictures


BELOW = pathlib.PurePosixPath()
FILES, DATASET = ExperimentPaths(BELOW), DatasetPaths(BELOW)  # below the folder of an experiment, or of a dataset
Pending = Callable[[pathlib.PurePosixPath], bool]


def cost(experiment: Experiment, pending: Pending) -> Cost:
    """Returns the cost of an experiment's jobs.

    `pending` chooses them by their outputs: it is asked about files and folders below the experiment's folder.
    """
    network = network_of(experiment)
    runs = [run for run in grid.needed_runs(experiment) if pending(FILES.model(run.name))]
    trained = [(settings, run.inner_ode) for run in runs if (settings := run.settings.training)]
    training = sum(settings.steps * operations.step(network, settings, inner_ode) for settings, inner_ode in trained)
    weights = 2 * len(runs) * operations.parameters(network) * BYTES
    # Two checkpoints, of raw weights, EMA, two moments and perhaps a teacher.
    parts = max((4 + settings.objective.distils for settings, _ in trained), default=0)
    checkpoints = 2 * parts * operations.parameters(network) * BYTES

    every = grid.sample_groups(experiment)
    groups = {group: points for group, points in every.items() if pending(FILES.samples(points[0]).parent)}
    points = [point for of_group in groups.values() for point in of_group]
    count = experiment.evaluation.samples
    sampling = count * sum(operations.generation(network, p.group.length, p.solver, p.guidance) for p in points)
    timing = experiment.evaluation.latency
    timed = grid.programs(experiment) if pending(FILES.latency) else []
    once = sum(operations.generation(network, p.length, p.solver, p.guidance) for p in timed)
    latency = (1 + timing.repeats) * timing.batch_size * once  # with the fewest rounds
    set_bytes = count * math.prod((*network.image, network.channels)) * BYTES
    if isinstance(experiment.features, FeatureNetwork):
        kept = len(points) * (set_bytes + count * experiment.features.hidden * BYTES)
        return Cost(training, sampling, latency, 0, weights + kept, checkpoints)
    scored = {group: points for group, points in every.items() if pending(FILES.statistics(points[0]).parent)}
    largest = max((len(points) for points in (groups | scored).values()), default=0)
    described = 2 * FEATURES * (8 * FEATURES + BYTES * min(count, experiment.features.subset))
    passing = largest * (set_bytes + described) + checkpoints
    per_image = 2 * INCEPTION + DECODE * math.prod(experiment.dataset.image)
    pictures = sum(map(len, scored.values())) * count * per_image
    return Cost(training, sampling, latency, pictures, weights, passing)


class Preparation(NamedTuple):
    """Of a dataset: floating-point operations, and bytes that are there until the last training has read them."""

    operations: float
    passing: float


def preparation(experiment: Experiment, pending: Pending) -> Preparation:
    """Writing a dataset's images, encoding them and taking their statistics, or what of it is pending.

    `pending` is asked about files and folders below the dataset's folder.
    """
    dataset = experiment.dataset
    count, image_bytes = dataset.kind.count(dataset) * dataset.fraction, dataset.kind.image_bytes
    if not experiment.latent:
        small = count * math.prod((*dataset.image, dataset.channels)) * BYTES
        return Preparation(0, small if pending(DATASET.small) else 0)
    network = network_of(experiment)
    flips = 2 if dataset.flip else 1
    moments = flips * 2 * math.prod((*network.image, network.channels)) * BYTES if pending(DATASET.latents) else 0
    operations = flips * ENCODE * math.prod(dataset.image) if pending(DATASET.latents) else 0
    operations += 2 * INCEPTION if pending(DATASET.real_statistics) else 0
    if not pending(DATASET.images):
        return Preparation(count * operations, count * moments)
    # While the images are written, tensorflow-datasets shuffles a second copy of them.
    return Preparation(count * operations, count * (image_bytes + max(image_bytes, moments)))
