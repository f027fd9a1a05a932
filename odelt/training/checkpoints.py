"""Checkpoints of a training in progress (Orbax), the lock that keeps two trainers apart, and interruption.

A run's folder is `<root>/<fingerprint>`: other settings, another start or other data are another run, so that nothing
is ever continued from the wrong place. The folder goes when the run's weights have been written.
"""

import contextlib
import fcntl
import hashlib
import json
import pathlib
import shutil
import signal
import sys
from collections.abc import Callable, Iterator

import jax
import orbax.checkpoint as ocp

from odelt.errors import OdeltError
from odelt.training.step import State

KEPT = 2
PARTS = "run.json"  # in a run's folder: the fingerprint of each part of what decides its outcome
NOT_OUTCOME = {"log_every", "checkpoint_every", "sharding"}  # settings of a training that do not decide its outcome


class Interrupted(Exception):
    """A signal asked the run to stop; its state has been saved."""

    def __init__(self, signum: int, step: int, total: int):
        self.signum = signum
        super().__init__(
            f"interrupted by {signal.Signals(signum).name} at step {step} of {total}; saved, the same command goes on"
        )


def fingerprint(**parts: object) -> str:
    """A short digest of all that decides a run's outcome."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:12]


class RunFolder:
    """Checkpoints of one run, restored, saved and removed; holds the run's lock while it lives."""

    def __init__(self, root: pathlib.Path, name: str):
        self.path = root / name
        self.path.mkdir(parents=True, exist_ok=True)
        self._lock = (self.path / "lock").open("w", encoding="utf-8")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # goes with the process, however it ends
        except BlockingIOError:
            raise OdeltError(f"another process is training this run ({self.path}); wait for it or stop it") from None
        options = ocp.CheckpointManagerOptions(max_to_keep=KEPT)
        self._manager = ocp.CheckpointManager((self.path / "steps").absolute(), options=options)

    @property
    def curve(self) -> pathlib.Path:
        return self.path / "training.csv"

    def restore(self, like: State) -> State | None:
        """The newest whole checkpoint, or None."""
        newest = self._manager.latest_step()
        if newest is None:
            return None
        return self._manager.restore(
            newest, args=ocp.args.StandardRestore(jax.tree.map(ocp.utils.to_shape_dtype_struct, like))
        )

    def save(self, state: State, *, wait: bool = False) -> None:
        step = int(state.step)
        if self._manager.latest_step() != step:
            self._manager.save(step, args=ocp.args.StandardSave(state))
        if wait:
            self._manager.wait_until_finished()

    def remove(self) -> None:
        self.close()
        shutil.rmtree(self.path)
        with contextlib.suppress(OSError):  # the run's root goes too, unless another run has a folder there
            self.path.parent.rmdir()

    def close(self) -> None:
        self._manager.close()
        self._lock.close()


@contextlib.contextmanager
def noticing_signals() -> Iterator[Callable[[], int | None]]:
    """Within the block a first Ctrl-C, SIGTERM or SIGHUP only leaves word: the yielded function returns it, or None."""
    received: list[int] = []

    def notice(signum: int, _) -> None:
        if received:
            raise KeyboardInterrupt  # the second time at once; the newest checkpoint stays
        received.append(signum)
        print("\nstopping after this step, to save it; once more to stop at once", file=sys.stderr)

    previous = {signum: signal.signal(signum, notice) for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield lambda: received[0] if received else None
    finally:
        for signum, handler in previous.items():
            signal.signal(signum, handler)
