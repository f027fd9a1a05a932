"""How many floating-point operations per second a device does, where that was measured.

Measurements are the benchmarks' kept results and the latency study's: JSON with a device, operations and seconds.
"""

import itertools
import json
import pathlib
import statistics
from collections.abc import Iterator
from typing import Literal, NamedTuple

Kind = Literal["training", "sampling", "pictures"]
SCRIPTS: dict[str, Kind] = {"train_step.py": "training", "sampling.py": "sampling"}  # of benchmarks/
SCORING = "scoring.py"  # another: a rate for each precision
# The parts of its result that compute as `odelt.vision` does, by precision.
AS_USED = {"float32": "float32", "tf32": "tf32, compiled", "bfloat16": "bfloat16, compiled"}
# In the project's folder; older versions of the latency study timed each length.
KEPT = ("benchmarks/results/*.json", "results/*/*/programs.json", "results/*/*/full.json", "results/*/*/l*.json")


class Rate(NamedTuple):
    """Operations per second: the median of the measurements on this device."""

    operations: float
    device: str
    measurements: int

    @property
    def text(self) -> str:
        several = "measurement" if self.measurements == 1 else "measurements"
        return f"{self.operations / 1e12:,.3g} TFLOP/s measured on {self.device} ({self.measurements} {several})"


class _Measurement(NamedTuple):
    kind: Kind
    device: str
    dtype: str
    rate: float


def measured(kind: Kind, device: str, dtype: str, root: pathlib.Path = pathlib.Path()) -> Rate | None:
    """Returns the rate on the devices whose name contains `device`, in any case; None if nothing was measured."""
    known = [
        measurement
        for measurement in _all(root)
        if (measurement.kind, measurement.dtype) == (kind, dtype) and device.casefold() in measurement.device.casefold()
    ]
    if not known:
        return None
    return Rate(statistics.median(measurement.rate for measurement in known), known[0].device, len(known))


def _all(root: pathlib.Path) -> Iterator[_Measurement]:
    """Yields every measurement. A damaged file, or one of another kind, holds none."""
    for path in sorted(itertools.chain.from_iterable(root.glob(pattern) for pattern in KEPT)):
        try:
            yield from _read(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, LookupError, TypeError, AttributeError):
            continue


def _read(raw: dict) -> list[_Measurement]:
    if "parts" in raw:  # of the targets of speed, or several of the latency study
        return [measurement for part in raw["parts"].values() if _is_measurement(part) for measurement in _read(part)]
    if "points" in raw:  # the latency study
        return [_Measurement("sampling", raw["device"], raw["dtype"], _rate(point)) for point in raw["points"]]
    if _script(raw) == SCORING:
        each = {precision: raw[part] for precision, part in AS_USED.items() if part in raw}
        return [_Measurement("pictures", raw["device"], name, _rate(figures)) for name, figures in each.items()]
    return [_Measurement(SCRIPTS[_script(raw)], raw["device"], raw["configuration"]["dtype"], _rate(raw))]


def _is_measurement(part: dict) -> bool:
    return "failed" not in part and ("points" in part or _script(part) in SCRIPTS)


def _script(raw: dict) -> str:
    return pathlib.PurePath(raw["machine"]["command"].split()[1]).name


def _rate(raw: dict) -> float:
    return raw["flops"] / raw["seconds"]["median"]
