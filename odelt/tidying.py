"""Removing what can be made again: images, latents, samples and statistics, and drafts of runs that were killed."""

import contextlib
import pathlib
from collections.abc import Iterator

from odelt.config import Suite
from odelt.preflight import told_bytes
from odelt.provenance import record
from odelt.provenance.recording import now

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
        there = _files(path)
        if there or (path.exists() and not any(path.rglob(f"*{record.SUFFIX}"))):
            size = sum(file.lstat().st_size for file in there)
            total += size
            yield f"{path}: {told_bytes(size)}"
            if remove:
                _remove(path, there)
    verb = "removed" if remove else "can be removed with --yes"
    yield f"{told_bytes(total)} {verb}"


def _files(path: pathlib.Path) -> list[pathlib.Path]:
    """A file, or those below a folder, without records: they stay, so that what was removed can still be followed."""
    files = [file for file in (path.rglob("*") if path.is_dir() else [path]) if file.is_file()]
    return [file for file in files if not file.name.endswith(record.SUFFIX)]


def _remove(path: pathlib.Path, files: list[pathlib.Path]) -> None:
    for file in files:
        file.unlink()
    for output in (path, *files):
        record.mark_removed(output, now())
    for folder in sorted((path, *path.rglob("*")), reverse=True):  # what is below comes first
        with contextlib.suppress(OSError):  # a folder in which records stay
            folder.rmdir()
