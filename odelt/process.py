"""What every command does for its process: share compiled programs, keep freed memory, keep a log."""

import contextlib
import ctypes
import os
import pathlib
import signal
import sys
import threading
from collections.abc import Iterator

from odelt.errors import OdeltError


def share_compiled_programs() -> None:
    """Jobs of a grid, and a run that goes on, find what an earlier process compiled (read when jax is imported)."""
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "odelt" / "xla"
    os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(cache))
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.3")


def keep_freed_memory() -> None:
    """Large blocks that are freed stay with the process, for the next program that runs.

    A program on a CPU is given its temporaries anew each time it runs. Where glibc returns them to the system and asks
    again, every page is faulted in and zeroed again: a third of a training step of mini. Elsewhere nothing is done.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # glibc's; malloc.h
    if mallopt is not None:
        no_mapped_blocks, never_trim = (-4, 0), (-1, -1)  # M_MMAP_MAX, M_TRIM_THRESHOLD
        for parameter, value in (no_mapped_blocks, never_trim):
            mallopt(parameter, value)


def clean_up_when_terminated() -> None:
    """SIGTERM (a scheduler's limit, `kill`) ends a command as Ctrl-C does, so that drafts are removed."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.default_int_handler)


class _Both:
    """Messages go to the screen and to a file; anything else that is asked of it is asked of the screen."""

    def __init__(self, screen, file):
        self.screen, self.file = screen, file

    def write(self, text):
        self.file.write(text)
        return self.screen.write(text)

    def flush(self):
        self.file.flush()
        self.screen.flush()

    def close(self):
        """Logging libraries close their stream at exit; neither is theirs."""

    def __getattr__(self, name):
        return getattr(self.screen, name)


@contextlib.contextmanager
def logging_to(path: pathlib.Path) -> Iterator[None]:
    """Messages and errors of the block go to the file too."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("w", encoding="utf-8")
    except OSError as error:
        raise OdeltError(f"--log {path}: {error.strerror}") from None
    # Not closed here: libraries that keep the stream may write to it until the process ends.
    with contextlib.redirect_stderr(_Both(sys.stderr, file)):
        yield
    file.flush()
