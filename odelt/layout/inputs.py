"""What the results of an experiment are made from: rules name these files as inputs, and commands read them."""

from collections.abc import Iterable, Iterator

from odelt.config import Experiment
from odelt.layout import grid
from odelt.layout.grid import Point
from odelt.layout.paths import ExperimentPaths, P


def measured(experiment: Experiment, files: ExperimentPaths[P], points: Iterable[Point]) -> Iterator[P]:
    """Scores and latencies of grid points, and what scores are compared with."""
    yield files.references if experiment.latent else files.floor
    yield from map(files.score, points)
    yield files.latency


def scores(experiment: Experiment, files: ExperimentPaths[P]) -> Iterator[P]:
    """What the tables of the whole grid are made from."""
    return measured(experiment, files, grid.points(experiment))


def main_scores(experiment: Experiment, files: ExperimentPaths[P]) -> Iterator[P]:
    """What the main table is made from."""
    return measured(experiment, files, grid.main_points(experiment))


def curves(experiment: Experiment, files: ExperimentPaths[P]) -> Iterator[P]:
    """Training curves."""
    return (files.curve(run.name) for run in grid.trained_runs(experiment))


def pictured(experiment: Experiment, files: ExperimentPaths[P]) -> Iterator[P]:
    """The files that the picture grid is cut from: decoded samples where the network sees latents."""
    made = files.pictures if experiment.latent else files.samples
    return map(made, grid.pictured_points(experiment))


def chain(experiment: Experiment, files: ExperimentPaths[P]) -> Iterator[P]:
    """Weights, scores and latencies: what everything that is published of an experiment is made from."""
    yield from (files.weights(run.name) for run in grid.needed_runs(experiment))
    yield from scores(experiment, files)
