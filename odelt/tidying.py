"""Removing what can be made again: images, latents, samples and statistics, and drafts of runs that were killed."""

import pathlib
import shutil
from collections.abc import Iterator

from odelt.config import Suite
from odelt.preflight import told_bytes

PASSING = ("samples", "statistics", "features", "pictures")  # folders of an experiment that no table needs


def clean(name: str, suite: Suite, *, remove: bool) -> Iterator[str]:
    """A line for each thing and one for the sum; scores, weights, tables, figures and downloads stay.

    Checkpoints of unfinished training runs stay too: the same command goes on from them.
    """
    root = pathlib.Path("results", name)
    found = [root / experiment / part for experiment in suite.experiments for part in PASSING]
    found += [root / "datasets" / dataset / part for dataset in suite.datasets for part in ("images", "latents")]
    found += [path for path in root.rglob(".*-*") if path.name.startswith(".")]  # what odelt.files was writing
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
