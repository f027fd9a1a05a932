"""Removing what can be made again: images, latents, samples and statistics, and drafts of runs that were killed."""

import pathlib
import shutil
from collections.abc import Iterator

from odelt import files, preflight
from odelt.config import Suite
from odelt.errors import OdeltError
from odelt.preflight import told_bytes

PASSING = ("samples", "statistics", "features")  # folders of an experiment that no table and no figure needs


def clean(name: str, suite: Suite, *, remove: bool) -> Iterator[str]:
    """A line for each thing and one for the sum; scores, weights, tables, pictures and downloads stay.

    Checkpoints of unfinished training runs stay too, and the latents that they read: the same command goes on.

    Raises:
        OdeltError: something is to be removed while a run is alive.
    """
    root = pathlib.Path("results", name)
    if remove and preflight.is_alive():
        raise OdeltError("a run is alive in this folder: wait for it, or stop it, before anything is removed")
    unfinished = any(root.glob("checkpoints/**/steps"))
    found = [root / experiment / part for experiment in suite.experiments for part in PASSING]
    found += [root / "datasets" / dataset / "images" for dataset in suite.datasets]
    found += [root / "datasets" / dataset / "latents" for dataset in suite.datasets if not unfinished]
    found += sorted(files.drafts(root))
    total = 0
    for path in found:
        if path.exists():
            size = _size(path)
            total += size
            yield f"{path}: {told_bytes(size)}"
            if remove:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
    verb = "removed" if remove else "can be removed with --yes"
    yield f"{told_bytes(total)} {verb}"


def _size(path: pathlib.Path) -> int:
    return sum(file.lstat().st_size for file in (path.rglob("*") if path.is_dir() else [path]) if file.is_file())
