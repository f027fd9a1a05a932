"""What every command does for its process: share compiled programs, keep freed memory, heed signals, keep a log."""

import contextlib
import ctypes
import datetime
import errno
import io
import os
import pathlib
import platform
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import IO, Any

from odelt.errors import OdeltError
from odelt.machine import compiled, surroundings
from odelt.quoting import printable, quoted

PATIENCE = 1.0  # seconds between two Ctrl-C of a user; programs that start others pass the same one on within less

MARK = "== "  # begins a log's own lines
BEGAN = f"{MARK}began "

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
    """Ctrl-C, SIGTERM (a scheduler's limit, `kill`) and SIGHUP end a command with one KeyboardInterrupt.

    So drafts are removed. Further signals do not end the cleaning up, but for a Ctrl-C that the user presses again.
    """

    received = _Received()

    def stop(signum: int, _) -> None:
        if received.add(signum) == 1:
            raise KeyboardInterrupt(signal.Signals(signum).name)

    if threading.current_thread() is threading.main_thread():
        _handle_signals(stop)


@contextlib.contextmanager
def noticing_signals() -> Iterator[Callable[[], int | None]]:
    """Within the block Ctrl-C, SIGTERM and SIGHUP are only noted: the yielded function returns the first, or None.

    Nothing is raised, in Python or in the code of libraries. Schedulers send several signals, milliseconds apart: they
    are all one request. Only a Ctrl-C that a user presses again, a second later, ends the process at once.
    """

    received = _Received()

    def notice(signum: int, _) -> None:
        if received.add(signum) == 1:
            with contextlib.suppress(OSError):  # not by sys.stderr: that may be at work when the signal comes
                os.write(2, b"\nstopping after this step, to save it; press Ctrl-C once more to stop at once\n")

    previous = _handle_signals(notice)
    try:
        yield lambda: received.first
    finally:
        for signum, handler in previous.items():
            signal.signal(signum, handler)


class _Received:
    """Signals that ask this process to stop."""

    def __init__(self):
        self.first: int | None = None
        self._count, self._since = 0, 0.0

    def add(self, signum: int) -> int:
        """How many there were, with this one. Does not return where the user presses Ctrl-C again."""
        self._count += 1
        if self.first is None:
            self.first, self._since = signum, time.monotonic()
        elif signum == signal.SIGINT and time.monotonic() - self._since > PATIENCE and _is_in_foreground():
            signal.signal(signum, signal.SIG_DFL)
            os.kill(os.getpid(), signum)
        return self._count


def _handle_signals(handler: Callable) -> dict[int, Any]:
    """Installs a handler of the signals that ask to stop; returns those before it. `nohup` keeps its meaning."""
    stopping = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        stopping.append(signal.SIGHUP)
    return {signum: signal.signal(signum, handler) for signum in stopping}


def _is_in_foreground() -> bool:
    """Whether Ctrl-C at this process's terminal reaches it; a job of a scheduler has no terminal."""
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    finally:
        os.close(terminal)


class _Log:
    """The file of a log. Where it cannot be written, that is said once, and the command goes on without it."""

    def __init__(self, path: pathlib.Path, screen: IO[str]):
        self._path, self._screen = path, screen
        self._file: IO[bytes] | None = path.open("ab", buffering=0)  # nothing is left to write at the end

    def mark(self, what: str) -> None:
        """Adds a line that belongs to the log alone. A progress bar may have left a line without an end."""
        self.write(f"\n{MARK}{what}, {datetime.datetime.now(datetime.UTC):%Y-%m-%d %H:%M:%S} UTC\n")

    def write(self, text: str) -> None:
        rest = text.encode(errors="backslashreplace")
        try:
            while rest and self._file:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            if self._file:
                self._file.close()
            self._file = None
            what = f"cannot write the log {quoted(self._path)}: {error.strerror}"
            print(f"\nodelt: {what}; make room. It ends here", file=self._screen)


class _Both:
    """Messages go to the screen and to a log; anything else that is asked of it is asked of the screen."""

    def __init__(self, screen: IO[str], log: _Log):
        self.screen, self.log = screen, log

    def write(self, text):
        self.log.write(text)
        return self.screen.write(text)

    def flush(self):
        self.screen.flush()

    def close(self):
        """Logging libraries close their stream at exit; neither is theirs."""

    def __getattr__(self, name):
        return getattr(self.screen, name)


@contextlib.contextmanager
def logging_to(path: pathlib.Path) -> Iterator[Callable[[int], None]]:
    """Messages and errors of the block go to the file too, after those of earlier tries.

    The log says when and where a try began. The yielded function adds that it ended, with which exit status. A try
    without that line was killed.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        log = _Log(path, sys.stderr)
    except OSError as error:
        raise OdeltError(f"--log {path}: {error.strerror}") from None
    log.mark(f"began on {printable(platform.node())}")
    # Not closed here: libraries that keep the stream may write to it until the process ends.
    with contextlib.redirect_stderr(_Both(sys.stderr, log)):
        yield lambda status: log.mark(f"ended with status {status}")
