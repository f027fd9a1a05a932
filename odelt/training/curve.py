"""The training curve: a line for each interval of steps, with the means of what the steps in it measured."""

import csv
import pathlib
from typing import Any

import jax
import numpy as np
from jaxtyping import Float32

from odelt import files

COLUMNS = ("step", "loss", "flow", "time_consistency", "length_consistency", "learning_rate")


class Curve:
    """The lines so far, and the steps since the last one. Saved and restored, it goes on as if never interrupted."""

    def __init__(self, saved: dict[str, Any] | None = None):
        """An empty curve, or the one whose `plain` this is."""
        saved = saved or {"rows": [], "window": {}}
        self.rows: list[dict] = saved["rows"]
        steps = zip(*saved["window"].values(), strict=True)
        # numpy's float32, as steps give them: so a mean is the same to the bit.
        self._window: list[dict] = [
            dict(zip(saved["window"], map(np.float32, values), strict=True)) for values in steps
        ]

    def add(self, metrics: dict[str, Float32[jax.Array, ""]]) -> None:
        """A step's metrics; they are not waited for."""
        self._window.append(metrics)

    def line(self, step: int) -> dict[str, float]:
        """Adds the line of a step; returns its means."""
        window = jax.device_get(self._window)
        means = {name: float(np.mean([metrics[name] for metrics in window])) for name in window[0]}
        self.rows.append({"step": step, **{name: f"{means[name]:.6g}" for name in COLUMNS[1:]}})
        self._window.clear()
        return means

    def plain(self) -> dict[str, Any]:
        """All of it as plain data; waits for the steps. A float32 is a float64 too, which JSON writes exactly."""
        window = jax.device_get(self._window)
        names = window[0] if window else ()
        return {"rows": self.rows, "window": {name: [float(metrics[name]) for metrics in window] for name in names}}

    def write(self, path: pathlib.Path) -> None:
        with files.writing(path) as draft, draft.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(self.rows)
