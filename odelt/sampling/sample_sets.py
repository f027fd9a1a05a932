"""Sample sets in which sample i depends on (seed, i) only (SPEC 5), whatever the batch size, device or order."""

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Literal

import numpy as np
from jaxtyping import Float32, Int32

from odelt import files
from odelt.config import Solver
from odelt.errors import OdeltError
from odelt.machine.sharding import placement
from odelt.model import Model
from odelt.sampling.solvers import Run, program

# An adaptive solver's error estimate can be mostly rounding, and rounding differs between shapes; its step sizes, and
# so its result, would then depend on the batch size. Its batches therefore always have this many rows, and sample i
# always sits in the same place: equal to the bit whatever batch size is asked for.
ADAPTIVE_ROWS = 64
NULL_LABEL = "null"
Label = int | Literal["null"]  # a class, or what stands for no class


@dataclasses.dataclass(frozen=True)
class Samples:
    """Samples, the labels that were asked for, and evaluations of the vector field for each."""

    samples: Float32[np.ndarray, "count height width channels"]
    labels: Int32[np.ndarray, " count"]
    evaluations: Int32[np.ndarray, " count"]

    def save(self, path: files.Path) -> None:
        with files.writing(path) as draft, draft.open("wb") as file:
            np.savez(file, samples=self.samples, labels=self.labels, evaluations=self.evaluations)


def rows_per_program(solver: Solver, batch_size: int, joint: bool = False) -> int:
    """How many samples are generated at once."""
    return ADAPTIVE_ROWS if solver.adaptive and not joint else batch_size


def noise_and_labels(
    seed: int, indices: Sequence[int] | np.ndarray, shape: tuple[int, ...], classes: int
) -> tuple[Float32[np.ndarray, "count ..."], Int32[np.ndarray, " count"]]:
    """Standard normal noise and labels, uniform over the classes.

    Drawn on the host from a generator of sample i's own, so they are the same to the bit on every device.
    """
    noise = np.empty((len(indices), *shape), np.float32)
    labels = np.empty(len(indices), np.int32)
    for row, index in enumerate(indices):
        generator = np.random.default_rng([seed, index])
        labels[row] = generator.integers(classes)
        noise[row] = generator.standard_normal(shape, dtype=np.float32)
    return noise, labels


def label_numbers(labels: Sequence[Label], classes: int) -> Int32[np.ndarray, " labels"]:
    """A class is its number, "null" the null label, which follows the classes.

    Raises:
        OdeltError: a label is no class.
    """
    for label in labels:
        if label != NULL_LABEL and not 0 <= label < classes:
            raise OdeltError(f"label {label}: the labels are 0 to {classes - 1}, and '{NULL_LABEL}' for the null label")
    return np.array([classes if label == NULL_LABEL else label for label in labels], np.int32)


def generate(
    model: Model,
    *,
    count: int,
    seed: int,
    solver: Solver,
    length: int | None,
    guidance: float,
    d: int | None = None,
    batch_size: int = 256,
    joint: bool = False,
    labels: Sequence[Label] | None = None,
    progress: Callable[[int], object] = lambda done: None,
    sharding: Literal["none", "data"] = "data",
) -> Samples:
    """Generates samples 0 … count − 1 of `seed`; asked `labels` are dealt out in turn instead of drawn, "null" is none.

    An adaptive solver controls each sample's steps on its own, ADAPTIVE_ROWS samples at a time whatever the batch
    size; with `joint`, a batch's together, as the release does, on one device.

    Every device of the machine generates a batch at a time (with `sharding` "none" only one does), each by the program
    that one device alone would run.

    Raises:
        OdeltError: count or batch size below 1, a label that is no class, a sample that is not finite, or as
            `integrate`.
    """
    config = model.config
    for name, value in (("count", count), ("batch size", batch_size)):
        if value < 1:
            raise OdeltError(f"{name} {value}: at least 1 is needed")
    asked_labels = None if labels is None else label_numbers(labels, config.classes)
    place = placement("none" if joint else sharding)
    batch_size = place.devices * rows_per_program(solver, min(batch_size, -(-count // place.devices)), joint)
    prepared = program(model, solver, length, guidance, d, joint=joint).on(place)

    def started(start: int) -> tuple[Run, np.ndarray, int]:
        indices = np.arange(start, min(start + batch_size, count))
        asked = len(indices)
        if not joint:  # fill the last batch up, so that one program serves all; rows do not see one another
            indices = np.concatenate([indices, np.arange(start + asked, start + batch_size)])
        noise, drawn = noise_and_labels(seed, indices, (*config.image, config.channels), config.classes)
        y = drawn if asked_labels is None else asked_labels[indices % len(asked_labels)]
        return prepared.run(noise, y), y, asked

    parts = []
    for run, y, asked in _one_ahead(map(started, range(0, count, batch_size))):
        evaluations, x1 = run.evaluations().astype(np.int32), np.asarray(run.x1)
        if not np.isfinite(x1[:asked]).all():
            raise OdeltError(
                f"samples with solver '{solver}' and guidance {guidance:g} are not finite: the weights or the scale "
                f"are too large for {model.dtype}; use a smaller scale, or float32 instead of bfloat16"
            )
        parts.append((x1[:asked], y[:asked], evaluations[:asked]))
        progress(asked)
    return Samples(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _one_ahead(items: Iterable) -> Iterator:
    """The items, each when the next has been made: the host draws noise while a GPU is at work."""
    items = iter(items)
    last = next(items)
    for item in items:
        yield last
        last = item
    yield last
