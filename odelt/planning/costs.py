"""What a suite costs: floating-point operations, bytes and downloads, counted from its configuration."""

import math
import pathlib
from collections.abc import Callable, Sequence
from typing import NamedTuple

from odelt.config import Experiment, Network, Solver, Training, network_of
from odelt.objectives.batch import length_rows, rows_of_time

BYTES = 4  # of a stored float32
ADAPTIVE_EVALUATIONS = 60  # assumed of an adaptive solver; it depends on the weights
BACKWARD = 2  # a backward pass costs two forward ones

# Convolutional networks that others keep: operations per image, two per multiplication, and for the autoencoder per
# pixel, since it is convolutional (its few attention layers are left out). From their published sizes.
INCEPTION = 11.4e9  # at 299×299, each of the two protocols
ENCODE, DECODE = 0.27e12 / 256**2, 0.62e12 / 256**2
FEATURES = 2048

# Images of the large datasets and the bytes that a prepared one takes: 8-bit PNG at 256×256, or the original JPEG.
IMAGES = {"celebahq": (28_000, 110e3), "imagenet": (1_281_167, 115e3), "digits": (1_797, 0), "folder": (0, 0)}


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


def evaluation(network: Network, blocks: float) -> float:
    """Operations of one evaluation of the network for one image: two per multiplication of a matrix product."""
    tokens = network.image[0] * network.image[1] / network.patch**2
    width = network.width
    per_token = 2 * (4 + 8) * width**2 + 4 * tokens * width  # projections and MLP; q·k and the mixing of values
    return blocks * (tokens * per_token + 2 * 6 * width**2)


def parameters(network: Network) -> float:
    """Weights of the network, nearly all of them in its blocks."""
    return network.depth * (4 + 8 + 6) * network.width**2


def step(network: Network, training: Training, inner_ode: bool) -> float:
    """Operations of one training step: the student forwards and backwards, the teacher forwards."""
    lengths = network.lengths if inner_ode else (None,)
    mean = sum(map(network.effective_blocks, lengths)) / len(lengths)
    student = mean if training.length_draw == "stratified" else network.effective_blocks(lengths[-1])
    full = network.effective_blocks(lengths[-1])
    teacher = 2 * rows_of_time(training) * full + length_rows(training, inner_ode) * student
    return evaluation(network, (1 + BACKWARD) * training.batch_size * student + teacher)


def generation(network: Network, length: int | None, solver: Solver, guidance: float) -> float:
    """Operations of one generated image; guidance evaluates a doubled batch."""
    evaluations = solver.steps or ADAPTIVE_EVALUATIONS
    doubled = 1 if guidance in (0, 1) else 2
    return doubled * evaluations * evaluation(network, network.effective_blocks(length))


def group(network: Network, length: int | None, settings: Sequence[tuple], count: int) -> float:
    """Operations of one job's sample sets: `count` images for each (solver, guidance, …)."""
    return count * sum(generation(network, length, solver, guidance) for solver, guidance, *_ in settings)


def cost(experiment: Experiment, pending: Callable[[str], bool] = lambda path: True) -> Cost:
    """What all jobs of an experiment cost, or the pending ones: by the path of what they make, below its folder."""
    from odelt.layout import grid

    network = network_of(experiment)
    runs = [run for run in grid.needed_runs(experiment) if pending(f"models/{run.name}/")]
    trained = [run.settings for run in runs if run.settings.training]
    training = sum(m.training.steps * step(network, m.training, m.inner_ode) for m in trained)
    weights = 2 * len(runs) * parameters(network) * BYTES
    checkpoints = 2 * 4 * parameters(network) * BYTES if trained else 0  # two, of raw, EMA and two moments

    groups = {g: points for g, points in grid.sample_groups(experiment).items() if pending(f"samples/{g.path}/")}
    points = [point for of_group in groups.values() for point in of_group]
    count = experiment.evaluation.samples
    sampling = count * sum(generation(network, p.group.length, p.solver, p.guidance) for p in points)
    timing = experiment.evaluation.latency
    timed = [
        point
        for key, of_key in grid.latency_points(experiment).items()
        if pending(f"latency/{grid.latency_path(*key)}.json")
        for point in of_key
    ]
    once = sum(generation(network, p.group.length, p.solver, p.guidance) for p in timed)
    latency = (1 + timing.repeats) * timing.batch_size * once
    set_bytes = count * math.prod((*network.image, network.channels)) * BYTES
    if not experiment.latent:
        kept = len(points) * (set_bytes + count * experiment.features.hidden * BYTES)
        return Cost(training, sampling, latency, 0, weights + kept, checkpoints)
    scored = {g: points for g, points in grid.sample_groups(experiment).items() if pending(f"statistics/{g.path}/")}
    largest = max((len(points) for points in (groups | scored).values()), default=0)
    passing = largest * (set_bytes + 2 * 8 * FEATURES**2) + checkpoints
    per_image = 2 * INCEPTION + DECODE * math.prod(experiment.dataset.image)
    pictures = sum(map(len, scored.values())) * count * per_image
    return Cost(training, sampling, latency, pictures, weights, passing)


class Preparation(NamedTuple):
    """Of a dataset: floating-point operations, and bytes that are there until the last training has read them."""

    operations: float
    passing: float


def preparation(experiment: Experiment, pending: Callable[[str], bool] = lambda path: True) -> Preparation:
    """Writing a dataset's images, encoding them and taking their statistics, or what of it is pending."""
    dataset = experiment.dataset
    count, image_bytes = IMAGES[dataset.kind]
    if dataset.kind == "imagenet" and (tar := pathlib.Path(dataset.path)).exists():
        count = tar.stat().st_size / image_bytes
    count *= dataset.fraction
    if not experiment.latent:
        small = count * math.prod((*dataset.image, dataset.channels)) * BYTES
        return Preparation(0, small if pending("dataset.npz") else 0)
    network = network_of(experiment)
    flips = 2 if dataset.flip else 1
    moments = flips * 2 * math.prod((*network.image, network.channels)) * BYTES if pending("latents") else 0
    operations = flips * ENCODE * math.prod(dataset.image) if pending("latents") else 0
    operations += 2 * INCEPTION if pending("real.npz") else 0
    if not pending("images"):
        return Preparation(count * operations, count * moments)
    # While the images are written, tensorflow-datasets shuffles a second copy of them.
    return Preparation(count * operations, count * (image_bytes + max(image_bytes, moments)))
