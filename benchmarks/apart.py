"""A side of a comparison in a process of its own: on a CPU, what a process is set to is part of what it does.

How the allocator was told to deal with freed memory decides a good part of a step's time there, and it is one setting
for the whole process. So each side has a process that is set as its program sets it, and they are timed in turns.
"""

import contextlib
import math
import multiprocessing
import traceback
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

from common import seconds

from odelt.errors import OdeltError


class Side(NamedTuple):
    """What is timed: `run` waits for its device itself, and `figures` tell what it does."""

    run: Callable[[], Any]
    figures: dict[str, Any]


class Timed(NamedTuple):
    """A side as the comparison sees it, wherever it runs: `run` tells the seconds that it took."""

    run: Callable[[], float]
    figures: dict[str, Any]


BRIEF = 0.05  # seconds


def time_of(run: Callable[[], Any]) -> float:
    """Seconds of a call; where it is brief, the mean of as many as take BRIEF, after one that is not counted.

    For a process that waited for its turn has other things in its caches, and a call of a millisecond would measure
    little else.
    """
    took = seconds(run)
    if took >= BRIEF:
        return took
    count = math.ceil(BRIEF / took)
    return seconds(lambda: [run() for _ in range(count)]) / count


def here(side: Side) -> Timed:
    return Timed(lambda: time_of(side.run), side.figures)


@contextlib.contextmanager
def elsewhere(make: Callable[[], Side], prepare: Callable[[], None]) -> Iterator[Timed]:
    """`make()` in a new process that is `prepare`d first; both must be found by name (they are pickled)."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, make, prepare), daemon=True)
    process.start()
    theirs.close()

    def answer(ask: bool = True) -> Any:
        try:
            if ask:
                ours.send("run")
            received = ours.recv()
        except (EOFError, BrokenPipeError):
            raise OdeltError(f"a side's process ended before its answer (exit status {process.exitcode})") from None
        if isinstance(received, OdeltError):
            raise received
        return received

    try:
        yield Timed(answer, answer(ask=False))
    finally:
        process.kill()
        process.join()


def _serve(connection: Connection, make: Callable[[], Side], prepare: Callable[[], None]) -> None:
    try:
        prepare()
        side = make()
        connection.send(side.figures)
        while True:
            connection.recv()
            connection.send(time_of(side.run))
    except EOFError:
        pass  # nobody asks any more
    except OdeltError as error:
        connection.send(error)
    except Exception as error:
        traceback.print_exc()
        connection.send(OdeltError(f"{type(error).__name__}: {error}".splitlines()[0]))
