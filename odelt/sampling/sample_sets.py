"""Sample sets. Sample i depends on (seed, i) only, whatever the batch size, device or order (SPEC 5)."""

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Literal

import numpy as np
from jaxtyping import Float32, Int32

from odelt import files
from odelt.config import Solver
from odelt.errors import OdeltError
from odelt.machine.sharding import make_placement
from odelt.model import Model
from odelt.sampling.noise import fresh_noise, noise_and_labels
from odelt.sampling.solvers import Solution, program

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


def label_numbers(labels: Sequence[Label], classes: int) -> Int32[np.ndarray, " labels"]:
    """Numbers the labels. The null label's number follows those of the classes.

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
    labels: Sequence[Label] | None = None,
    progress: Callable[[int], object] = lambda done: None,
    sharding: Literal["none", "data"] = "data",
) -> Samples:
    """Generates samples 0 … count − 1 of `seed`. Samples draw their labels, or take `labels` in turn ("null" is none).

    An adaptive solver controls each sample's steps on its own, 64 samples at a time whatever the batch size. A
    joint one integrates its number of samples as one system, as the release does, on one device.

    Every device of the machine generates a batch at a time, by the program that a single device would run. With
    `sharding` "none" only one device does.

    Raises:
        OdeltError: count or batch size below 1, a label that is no class, a sample that is not finite, or as
            `integrate`.
    """
    config = model.config
    _check_positive({"count": count, "batch size": batch_size})
    asked_labels = None if labels is None else label_numbers(labels, config.classes)
    placement = make_placement("none" if solver.joint else sharding)
    batch_size = placement.devices * solver.rows(min(batch_size, -(-count // placement.devices)))
    prepared = program(model, solver, length, guidance, d, as_one=bool(solver.joint)).on(placement)

    def started(start: int) -> tuple[Solution, np.ndarray, int]:
        asked = min(batch_size, count - start)
        # The last batch is filled up, so that one program serves all batches. Rows do not see one another.
        indices = np.arange(start, start + (asked if solver.joint else batch_size))
        of_samples = (seed, indices, (*config.image, config.channels), config.classes)
        noise, drawn = noise_and_labels(*of_samples)
        y = drawn if asked_labels is None else asked_labels[indices % len(asked_labels)]
        return prepared.run(noise, y, fresh_noise(*of_samples, solver.noises)), y, asked

    parts = []
    for solution, y, asked in _one_ahead(map(started, range(0, count, batch_size))):
        evaluations, x1 = solution.evaluations().astype(np.int32), np.asarray(solution.x1)
        _check_finite(x1[:asked], f"samples with solver '{solver}' and guidance {guidance:g}", model.dtype)
        parts.append((x1[:asked], y[:asked], evaluations[:asked]))
        progress(asked)
    return Samples(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _check_positive(numbers: dict[str, int]) -> None:
    for name, number in numbers.items():
        if number < 1:
            raise OdeltError(f"{name} {number}: at least 1 is needed")


def _check_finite(samples: np.ndarray, what: str, dtype: str) -> None:
    if not np.isfinite(samples).all():
        raise OdeltError(
            f"{what} are not finite: the weights or the scale are too large for {dtype}; use a smaller scale, or "
            "float32 instead of bfloat16"
        )


def _one_ahead(items: Iterable) -> Iterator:
    """Yields each item after the next one has been made, so that the host draws noise while a GPU works."""
    items = iter(items)
    last = next(items)
    for item in items:
        yield last
        last = item
    yield last
