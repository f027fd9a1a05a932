"""How fast a training is, in a file of its own: it differs from run to run, and no number rests on it."""

import csv
import pathlib
import time
from collections.abc import Iterator

from odelt.errors import OdeltError

COLUMNS = ("step", "images_per_s", "input_wait")


class Pace:
    """Batches, with the time they take and the time spent waiting for them; the first step compiles and is left out."""

    def __init__(self, batches: Iterator, batch_size: int, path: pathlib.Path | None, *, more: bool):
        """With a `path` each line goes to this file too; with `more` it goes on, else it begins anew."""
        self._batches, self._batch_size, self._path = iter(batches), batch_size, path
        self._steps, self._waited, self._began = -1, 0.0, time.perf_counter()
        if path and not (more and path.exists()):
            _write(path, "w", COLUMNS)

    def __iter__(self):
        return self

    def __next__(self):
        asked = time.perf_counter()
        batch = next(self._batches)
        self._waited += time.perf_counter() - asked
        return batch

    def stepped(self) -> None:
        """A step is done."""
        self._steps += 1
        if self._steps == 0:
            self._waited, self._began = 0.0, time.perf_counter()

    def line(self, step: int) -> float | None:
        """Images per second since the last line, None where no step was timed; the next line begins here."""
        now = time.perf_counter()
        steps, waited, seconds = self._steps, self._waited, now - self._began
        self._steps, self._waited, self._began = 0, 0.0, now
        if not steps:
            return None
        rate = steps * self._batch_size / seconds
        if self._path:
            _write(self._path, "a", (step, f"{rate:.6g}", f"{waited / seconds:.6g}"))
        return rate


def _write(path: pathlib.Path, mode: str, row: tuple) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open(mode, newline="") as file:
            csv.writer(file).writerow(row)
    except OSError as error:
        raise OdeltError(f"cannot write {path}: {error.strerror}; the same command goes on") from None
