"""The folder of compiled programs, which all processes of a user share. It has a limit: JAX's own needs a package more.

A program is used for as long as the code, the libraries and the sizes stay the same, and then never again.
"""

import contextlib
import os
import pathlib

from odelt.machine import surroundings

LIMIT = 2 << 30  # bytes; the programs of mini are 2 MB, one training step of a large network is some 10 MB
KEPT = LIMIT // 2  # so that not every process has something to remove
SUFFIXES = ("-cache", "-atime")  # of the files that JAX writes


def folder() -> pathlib.Path | None:
    """Returns our folder, which may not exist yet; None for a user without a home."""
    cache = surroundings.cache()
    return cache / "odelt" / "xla" if cache else None


def limit(folder: pathlib.Path) -> None:
    """If the programs take more than LIMIT, removes those unused for longest until at most KEPT is left.

    Another process that needs such a program compiles it again.
    """
    known = []
    with contextlib.suppress(OSError), os.scandir(folder) as entries:  # no program has ever been here
        for entry in entries:
            with contextlib.suppress(OSError):  # removed meanwhile
                if entry.name.endswith(SUFFIXES) and entry.is_file(follow_symlinks=False):
                    known.append((entry.path, entry.stat()))
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
