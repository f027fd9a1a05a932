"""Saved states of a training in progress (Orbax), and the lock that keeps two trainers apart.

A run's folder is `<root>/<fingerprint>`: other settings, another start or other data are another run, so that nothing
is ever continued from the wrong place. The folder goes when the run's weights have been written.
"""

import contextlib
import json
import logging
import os
import pathlib
import re
import shutil
import signal
import sys
from collections.abc import Iterator
from typing import Any

import jax
import orbax.checkpoint as ocp

from odelt import files
from odelt.errors import OdeltError
from odelt.machine.locks import hold
from odelt.plain_data import parse_json
from odelt.training import verification
from odelt.training.identity import LOCK, PARTS, STEPS, fingerprint
from odelt.training.step import State

KEPT = 2
ITEMS = ("state", "curve")  # of a saved state
OS_ERROR = re.compile(r"os_error_code='(\d+)'")  # in the message of TensorStore's ValueError


class Interrupted(Exception):
    """A signal asked the run to stop; its state has been saved."""

    def __init__(self, signum: int, step: int, total: int):
        self.signum = signum
        super().__init__(
            f"interrupted by {signal.Signals(signum).name} at step {step} of {total}; saved, the same command goes on"
        )


def keep_threads_quiet() -> None:
    """Keeps Orbax's threads and TensorStore's from printing tracebacks; `RunFolder` raises what went wrong in them."""
    for library in ("absl", "asyncio"):
        logging.getLogger(library).setLevel(logging.CRITICAL)
    before = sys.unraisablehook

    def tell(unraisable) -> None:
        # Orbax closes its event loop at the first failed write; TensorStore reports the others to it all the same.
        if str(unraisable.exc_value) != "Event loop is closed":
            before(unraisable)

    sys.unraisablehook = tell


class RunFolder:
    """Saved states of one run, restored, saved and removed; holds the run's lock while it lives."""

    def __init__(self, root: pathlib.Path, parts: dict[str, object]):
        """`parts` is all that decides the run's outcome, as plain data.

        Raises:
            OdeltError: another process trains this run, or the folder cannot be written.
        """
        self.path = root / fingerprint(**parts)
        is_new = not self.path.exists()
        with _system_errors(f"cannot write {self.path}"):
            (self.path / STEPS).mkdir(parents=True, exist_ok=True)
            self._lock = (self.path / LOCK).open("w", encoding="utf-8")
            is_ours = hold(self._lock)
        if not is_ours:
            raise OdeltError(f"another process is training this run ({self.path}); wait for it or stop it")
        if is_new:
            _tell_others(self.path, parts)
        files.write_text(self.path / PARTS, json.dumps({name: fingerprint(part=part) for name, part in parts.items()}))
        with _system_errors(f"cannot write {self.path}"):
            self._set_damaged_aside()
        self._manager = _manager(self.path / STEPS)

    def restore(self, like: State) -> tuple[State, Any] | None:
        """The newest whole state and its curve as plain data, or None."""
        newest = self._manager.latest_step()
        if newest is None:
            return None
        shapes = jax.tree.map(ocp.utils.to_shape_dtype_struct, _parts(like))
        items = {"state": ocp.args.StandardRestore(shapes), "curve": ocp.args.JsonRestore()}
        restored = self._manager.restore(newest, args=ocp.args.Composite(**items))
        return State(**restored["state"]), restored["curve"]

    def save(self, state: State, curve: Any, *, wait: bool = False) -> None:
        """Saves a state with its curve (plain data), by default while the next steps run.

        Raises:
            OdeltError: this state or the one before it cannot be written; the newest whole one stays.
        """
        step = int(state.step)
        with _system_errors(f"cannot save the state of the training in {self.path}"):
            if self._manager.latest_step() != step:
                items = {"state": ocp.args.StandardSave(_parts(state)), "curve": ocp.args.JsonSave(curve)}
                self._manager.save(step, args=ocp.args.Composite(**items))
            if wait:
                self._manager.wait_until_finished()

    def remove(self) -> None:
        self.close()
        shutil.rmtree(self.path)
        with contextlib.suppress(OSError):  # the run's root goes too, unless another run has a folder there
            self.path.parent.rmdir()

    def close(self) -> None:
        try:
            with _system_errors(f"cannot save the state of the training in {self.path}"):
                self._manager.close()
        finally:
            self._lock.close()

    def _set_damaged_aside(self) -> None:
        """Leaves in the folder of steps none that is newer than the newest whole one, and nothing half-written."""
        steps = self.path / STEPS
        for path in steps.iterdir():
            if not path.name.isdecimal():  # a process ended while it wrote this
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        for path in sorted(steps.iterdir(), key=lambda path: int(path.name), reverse=True):
            fault = verification.damage(path, ITEMS)
            if fault is None:
                return
            aside = self.path / f"damaged-{path.name}"
            shutil.rmtree(aside, ignore_errors=True)
            path.rename(aside)
            print(f"the saved state of step {path.name} is damaged ({fault}); it is now {aside}", file=sys.stderr)
        if any(self.path.glob("damaged-*")):
            print("no saved state is whole: the training begins anew", file=sys.stderr)


def _parts(state: State) -> dict[str, Any]:
    """The parts that there are. Without a teacher they are those of versions that knew none."""
    return {name: part for name, part in state._asdict().items() if part is not None}


def _manager(steps: pathlib.Path) -> ocp.CheckpointManager:
    state, curve = verification.ArraysHandler(), verification.JsonHandler()
    registry = ocp.handlers.DefaultCheckpointHandlerRegistry()
    for args in (ocp.args.StandardSave, ocp.args.StandardRestore):
        registry.add("state", args, state)
    for args in (ocp.args.JsonSave, ocp.args.JsonRestore):
        registry.add("curve", args, curve)
    options = ocp.CheckpointManagerOptions(
        max_to_keep=KEPT,
        lightweight_initialize=True,
        # A process whose save fails would otherwise wait minutes for the thread that makes the folders.
        async_options=ocp.options.AsyncOptions(create_directories_asynchronously=False),
    )
    return ocp.CheckpointManager(steps.absolute(), options=options, handler_registry=registry)


def _tell_others(path: pathlib.Path, parts: dict[str, object]) -> None:
    """Says which unfinished runs there are whose place a new one takes, and in what they differ."""
    for other in sorted(path.parent.glob(f"*/{PARTS}")):
        try:
            known = parse_json(other.read_bytes(), other)
        except (OSError, OdeltError):
            continue
        if isinstance(known, dict) and other.parent != path:
            names = [name for name, part in parts.items() if known.get(name) != fingerprint(part=part)]
            print(f"a new run: the unfinished one in {other.parent} has another {', '.join(names)}", file=sys.stderr)


@contextlib.contextmanager
def _system_errors(what: str) -> Iterator[None]:
    """A write that the system refuses, to Python or to TensorStore, is one line."""
    try:
        yield
        return
    except OSError as error:
        number = error.errno
    except ValueError as error:
        number = next(map(int, OS_ERROR.findall(str(error))), None)
        if number is None:
            raise
    remedy = "make room" if number in files.NO_ROOM else "mend that"
    reason = os.strerror(number) if number else "the system refuses it"
    raise OdeltError(f"{what}: {reason}; {remedy}, then the same command goes on") from None
