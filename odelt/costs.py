"""What a suite costs: floating-point operations and bytes, counted from its configuration."""

from typing import NamedTuple

from odelt import grid
from odelt.config import Experiment, Network, Training, network_of
from odelt.objectives.batch import length_rows, rows_of_time

BYTES = 4  # of a stored float32
ADAPTIVE_EVALUATIONS = 60  # assumed of an adaptive solver; it depends on the weights
BACKWARD = 2  # a backward pass costs two forward ones


class Cost(NamedTuple):
    training: float  # floating-point operations
    sampling: float
    latency: float
    disk: float  # bytes

    @property
    def operations(self) -> float:
        return self.training + self.sampling + self.latency


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


def cost(experiment: Experiment) -> Cost:
    network = network_of(experiment)
    training = sum(m.training.steps * step(network, m.training, m.inner_ode) for m in experiment.models.values())
    points = grid.points(experiment)
    sampling = experiment.evaluation.samples * sum(_generation(network, point) for point in points)
    timing = experiment.evaluation.latency
    timed = [point for group in grid.latency_points(experiment).values() for point in group]
    latency = (1 + timing.repeats) * timing.batch_size * sum(_generation(network, point) for point in timed)
    values = network.image[0] * network.image[1] * network.channels
    samples = len(points) * experiment.evaluation.samples * (values + experiment.features.hidden) * BYTES
    weights = len(experiment.models) * (2 + 2 * 4) * parameters(network) * BYTES  # raw, ema; two checkpoints of four
    return Cost(training, sampling, latency, samples + weights)


def _generation(network: Network, point: grid.Point) -> float:
    """Operations of one generated image; guidance evaluates a doubled batch."""
    evaluations = point.solver.steps or ADAPTIVE_EVALUATIONS
    doubled = 1 if point.guidance in (0, 1) else 2
    return doubled * evaluations * evaluation(network, network.effective_blocks(point.group.length))
