"""How many floating-point operations a device does in a second, as far as anybody measured it here.

Measurements are the benchmarks' kept results and the latency study's: JSON with a device, operations and seconds.
"""

import itertools
import json
import pathlib
import statistics
from collections.abc import Iterator
from typing import Literal, NamedTuple

Kind = Literal["training", "sampling"]
SCRIPTS: dict[str, Kind] = {"train_step.py": "training", "sampling.py": "sampling"}  # of benchmarks/
KEPT = ("benchmarks/results/*.json", "results/*/*/full.json", "results/*/*/l*.json")  # in the project's folder


class Rate(NamedTuple):
    """Operations per second: the median of so many measurements on this device."""

    operations: float
    device: str
    measurements: int

    @property
    def told(self) -> str:
        several = "measurement" if self.measurements == 1 else "measurements"
        return f"{self.operations / 1e12:,.3g} TFLOP/s measured on {self.device} ({self.measurements} {several})"


class _Measured(NamedTuple):
    kind: Kind
    device: str
    dtype: str
    rate: float


def measured(kind: Kind, device: str, dtype: str, root: pathlib.Path = pathlib.Path()) -> Rate | None:
    """What was measured on the devices whose name has `device` in it, whatever its case; None where nothing was."""
    found = [one for one in _all(root) if (one.kind, one.dtype) == (kind, dtype)]
    found = [one for one in found if device.casefold() in one.device.casefold()]
    if not found:
        return None
    return Rate(statistics.median(one.rate for one in found), found[0].device, len(found))


def _all(root: pathlib.Path) -> Iterator[_Measured]:
    """Every measurement; a file of another kind, or a damaged one, holds none."""
    for path in sorted(itertools.chain.from_iterable(root.glob(pattern) for pattern in KEPT)):
        try:
            yield from _read(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, LookupError, TypeError, AttributeError):
            continue


def _read(raw: dict) -> list[_Measured]:
    if "parts" in raw:  # of the targets of speed
        return [one for part in raw["parts"].values() if _is_measurement(part) for one in _read(part)]
    if "points" in raw:  # the latency study
        return [_Measured("sampling", raw["device"], raw["dtype"], _rate(point)) for point in raw["points"]]
    return [_Measured(SCRIPTS[_script(raw)], raw["device"], raw["configuration"]["dtype"], _rate(raw))]


def _is_measurement(part: dict) -> bool:
    return "failed" not in part and _script(part) in SCRIPTS


def _script(raw: dict) -> str:
    return pathlib.PurePath(raw["machine"]["command"].split()[1]).name


def _rate(of: dict) -> float:
    return of["flops"] / of["seconds"]["median"]
