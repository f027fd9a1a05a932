"""What every command does for its process: share compiled programs, keep freed memory, keep a log."""

import contextlib
import ctypes
import errno
import io
import os
import pathlib
import signal
import sys
import threading
from collections.abc import Iterator

from odelt import compiled, surroundings
from odelt.errors import OdeltError

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)  # errors of a disk, which name no file where one prints


def prepare() -> None:
    """What a command does before anything else.

    Raises:
        OdeltError: the working folder was deleted.
    """
    open_streams()
    try:
        os.getcwd()
    except FileNotFoundError:
        raise OdeltError("the working folder was deleted; change to another one") from None
    surroundings.name_the_user()
    share_compiled_programs()
    keep_freed_memory()
    clean_up_when_terminated()


def open_streams() -> None:
    """Every text can be printed, and stdin, stdout and stderr are there.

    What a terminal's encoding lacks is printed as an escape (`\\u2212`), as Python itself does on stderr. A stream that
    was closed (`>&-`) is nowhere: else the next file that is opened would get its number, and what libraries print.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest free number
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, "w" if number else "r", encoding="utf-8", closefd=False))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # not where somebody has put an object of their own
            stream.reconfigure(errors="backslashreplace")


@contextlib.contextmanager
def printing() -> Iterator[None]:
    """What the block prints is written when it ends, not at the end of the process, where Python shows a traceback.

    Raises:
        BrokenPipeError: nobody reads it any more.
        OdeltError: the disk is full, or the like.
    """
    try:
        yield
        sys.stdout.flush()
    except OSError as error:
        if error.filename is not None or error.errno not in FULL:
            raise
        print_nowhere()
        raise OdeltError(f"cannot write what is printed: {error.strerror}") from None


def print_nowhere() -> None:
    """What was printed and could not be written is given up, and so is what is printed from now on."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def share_compiled_programs() -> None:
    """Jobs of a grid, and a run that goes on, use what an earlier process compiled (read when jax is imported)."""
    folder = compiled.folder()
    if folder is None or not surroundings.can_be_written(folder):
        return  # JAX would warn of each program; `doctor` says it once
    compiled.limit(folder)
    os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(folder))
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
