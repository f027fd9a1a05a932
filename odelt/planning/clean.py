"""Removing what can be made again.

The outputs that `layout.removable` lists, drafts of runs that were killed, states of training runs that nobody goes on
with, and the compiled programs of all suites.
"""

import contextlib
import pathlib
from collections.abc import Iterator

from odelt import files
from odelt.config import Suite
from odelt.errors import OdeltError
from odelt.layout import paths, removable
from odelt.machine import alive, compiled
from odelt.planning import unfinished
from odelt.planning.doctor import readable_bytes
from odelt.provenance import record
from odelt.provenance.recording import now


def clean(name: str, suite: Suite, *, remove: bool) -> Iterator[str]:
    """Yields a line for each thing that can be removed, and a line for the sum. With `remove` it removes them.

    Scores, weights, tables, pictures and downloads stay. So do checkpoints of unfinished training runs, and the latents
    that they read, if the suite still asks for the run: the same command continues it. All suites share the folder of
    compiled programs.

    Raises:
        OdeltError: something is to be removed while a run is alive.
    """
    root = pathlib.Path(paths.RESULTS, name)
    if remove and alive.is_alive():
        raise OdeltError("a run is alive in this folder: wait for it, or stop it, before anything is removed")
    abandoned = {folder: unfinished.is_abandoned(folder, root, suite) for folder in unfinished.folders(root)}
    going_on = [folder for folder in abandoned if not abandoned[folder]]
    removed = [root / part for part in removable.folders(suite) if not (going_on and part.name == paths.LATENTS)]
    removed += sorted(files.drafts(root))
    why = {folder: " of a training run that the suite asks for no more" for folder in abandoned if abandoned[folder]}
    if folder := compiled.folder():
        why[folder] = " of compiled programs, of all suites"
    removed += why
    total = 0
    for path in removed:
        there = _files(path)
        if there or (path.exists() and not any(file.name.endswith(record.SUFFIX) for file in files.below(path))):
            size = sum(file.lstat().st_size for file in there)
            total += size
            yield f"{path}: {readable_bytes(size)}{why.get(path, '')}"
            if remove:
                _remove(path, there)
    for folder in going_on:
        yield f"{folder} stays, and so do latents: the same command goes on with this training run"
    verb = "removed" if remove else "can be removed with --yes"
    yield f"{readable_bytes(total)} {verb}"


def _files(path: pathlib.Path) -> list[pathlib.Path]:
    """Returns a file, or the files below a folder, without records. Records stay, because the audit reads them."""
    every = [file for file in (files.below(path) if path.is_dir() else [path]) if file.is_file()]
    return [file for file in every if not file.name.endswith(record.SUFFIX)]


def _remove(path: pathlib.Path, there: list[pathlib.Path]) -> None:
    for file in there:
        file.unlink()
    for output in (path, *there):
        record.mark_removed(output, now())
    for folder in sorted((path, *files.below(path)), reverse=True):  # what is below comes first
        with contextlib.suppress(OSError):  # a folder in which records stay
            folder.rmdir()
