"""The folder of compiled programs, which all processes of a user share. It has a limit: JAX's own needs a package more.

A program is used for as long as the code, the libraries and the sizes stay the same, and then never again.
"""

import contextlib
import os
import pathlib
from collections.abc import Iterator

from odelt.machine import surroundings

LIMIT = 2 << 30  # bytes; the programs of mini are 2 MB, one training step of a large network is some 10 MB
KEPT = LIMIT // 2  # so that not every process has something to remove
SUFFIXES = ("-cache", "-atime")  # of the files that JAX writes


def folder() -> pathlib.Path | None:
    """Returns our folder, which may not exist yet; None for a user without a home."""
    cache = surroundings.cache()
    return cache / "odelt" / "xla" if cache else None


def programs(folder: pathlib.Path) -> list[os.DirEntry]:
    """Lists the files that JAX has written into our folder."""
    try:
        with os.scandir(folder) as entries:
            ours = [entry for entry in entries if entry.name.endswith(SUFFIXES)]
            return [entry for entry in ours if entry.is_file(follow_symlinks=False)]
    except OSError:  # none has ever been here
        return []


def limit(folder: pathlib.Path) -> None:
    """If the programs take more than LIMIT, removes those unused for longest until at most KEPT is left.

    Another process that needs such a program compiles it again.
    """
    known = list(_with_status(programs(folder)))
    size = sum(status.st_size for _, status in known)
    if size <= LIMIT:
        return
    # Most filesystems note the time of a use at least once a day.
    for path, status in sorted(known, key=lambda program: max(program[1].st_atime, program[1].st_mtime)):
        if size <= KEPT:
            break
        with contextlib.suppress(OSError):  # another process removes too
            os.unlink(path)
        size -= status.st_size


def _with_status(entries: list[os.DirEntry]) -> Iterator[tuple[str, os.stat_result]]:
    for entry in entries:
        with contextlib.suppress(OSError):  # removed meanwhile
            yield entry.path, entry.stat()
