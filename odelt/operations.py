"""Floating-point operations of the network: of an evaluation, a generated image, a training step.

Counted from the configuration alone, so that a plan needs no jax.
"""

from odelt.config import Network, Solver, Training

BACKWARD = 2  # a backward pass costs two forward ones


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
    student = mean if training.stratified else network.effective_blocks(lengths[-1])
    full = network.effective_blocks(lengths[-1])
    consistency = training.objective.consistency
    answered = training.consistency_rows * consistency.evaluations(training) if consistency else 0
    teacher = answered * full + training.length_rows(inner_ode) * student
    return evaluation(network, (1 + BACKWARD) * training.batch_size * student + teacher)


def generation(network: Network, length: int | None, solver: Solver, guidance: float) -> float:
    """Operations of one generated image; guidance evaluates a doubled batch."""
    doubled = 1 if guidance in (0, 1) else 2
    return doubled * solver.assumed_evaluations * evaluation(network, network.effective_blocks(length))
