"""Saved states: a damaged one is set aside and an older one goes on; a full disk is one line."""

import contextlib
import logging
import resource
import shutil
import sys

import jax
import jax.numpy as jnp
import pytest

from odelt import OdeltError
from odelt.training import checkpoints
from odelt.training.checkpoints import RunFolder
from odelt.training.identity import fingerprint
from odelt.training.step import State

PARTS = {"seed": 0, "environment": "{}"}


def state(step: int, size: int = 100) -> State:
    values = jax.random.normal(jax.random.key(step), (size,))
    return State(jnp.int32(step), {"a": values}, {"a": values}, {"moment": values})


def curve(step: int) -> dict:
    return {"rows": [{"step": step}], "window": {}}


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A root with a run that has saved its steps 1 and 2."""
    root = tmp_path_factory.mktemp("saved")
    folder = RunFolder(root, PARTS)
    for step in (1, 2):
        folder.save(state(step), curve(step), wait=True)
    folder.close()
    return root


@pytest.fixture
def root(saved, tmp_path):
    return shutil.copytree(saved, tmp_path / "root")


def step_folder(root, step: int):
    return root / fingerprint(**PARTS) / "steps" / str(step)


def restored(root) -> int | None:
    """The step that a new process goes on from, after it has saved step 3."""
    folder = RunFolder(root, PARTS)
    newest = folder.restore(state(0))
    folder.save(state(3), curve(3), wait=True)
    assert folder.restore(state(0))[1] == curve(3)
    folder.close()
    if newest is None:
        return None
    step = int(newest[0].step)
    assert jnp.array_equal(newest[0].params["a"], state(step).params["a"]) and newest[1] == curve(step)
    return step


def flip(path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


DAMAGES = {
    "a flipped byte": flip,
    "an emptied file": lambda path: path.write_bytes(b""),
    "a truncated file": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    "a missing file": lambda path: path.unlink(),
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize(
    "file", ["state/manifest.ocdbt", "state/ocdbt.process_0/d/*", "curve/metadata", "*/sha256.json"]
)
def test_a_damaged_state_is_named_and_the_one_before_it_goes_on(root, capsys, damage, file):
    path = max(step_folder(root, 2).glob(file), key=lambda path: path.stat().st_size)
    DAMAGES[damage](path)
    assert restored(root) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"the saved state of step 2 is damaged ({path.parent if 'sha256' in file else path}")
    assert len(said.splitlines()) == 1


def test_an_empty_folder_of_a_step_does_not_stand_in_the_way(root):
    shutil.rmtree(step_folder(root, 2))
    step_folder(root, 2).mkdir()
    assert restored(root) == 1


def test_where_no_state_is_whole_the_training_begins_anew_and_saves_the_same_steps(root, capsys):
    for step in (1, 2):
        flip(next(step_folder(root, step).glob("state/d/*")))
    folder = RunFolder(root, PARTS)
    assert folder.restore(state(0)) is None
    assert capsys.readouterr().err.endswith("no saved state is whole: the training begins anew\n")
    folder.save(state(2), curve(2), wait=True)
    assert int(folder.restore(state(0))[0].step) == 2
    folder.close()


def test_what_a_killed_process_was_writing_is_removed(root):
    half = step_folder(root, 2).rename(step_folder(root, 2).with_name("2.orbax-checkpoint-tmp"))
    assert restored(root) == 1 and not half.exists()


def test_a_state_that_may_not_be_read_is_not_taken_for_damaged(root, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(checkpoints.verification.digests, "find", refuse)
    with pytest.raises(OdeltError, match="Permission denied; make it readable"):
        RunFolder(root, PARTS)
    assert step_folder(root, 2).exists()


def test_a_run_with_other_settings_begins_anew_and_says_what_is_other(root, capsys):
    folder = RunFolder(root, PARTS | {"environment": '{"XLA_FLAGS": "--fast"}'})
    assert folder.restore(state(0)) is None
    folder.close()
    said = capsys.readouterr().err
    assert said == f"a new run: the unfinished one in {root / fingerprint(**PARTS)} has another environment\n"


@contextlib.contextmanager
def no_file_larger_than(size: int):
    """Python ignores the signal of this limit, so that a write beyond it fails with an error, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture
def quiet(monkeypatch):
    monkeypatch.setattr(sys, "unraisablehook", sys.unraisablehook)  # so that it is set back
    loggers = [logging.getLogger(name) for name in ("absl", "asyncio")]
    levels = [logger.level for logger in loggers]
    checkpoints.keep_threads_quiet()
    yield
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


@pytest.mark.parametrize("wait", [True, False], ids=["at once", "in the background"])
@pytest.mark.usefixtures("quiet")
def test_a_full_disk_is_one_line_and_the_older_state_stays(root, capfd, wait):
    folder = RunFolder(root, PARTS)
    message = (
        f"cannot save the state of the training in {folder.path}: File too large; make room, then the same command"
    )
    with no_file_larger_than(20_000), pytest.raises(OdeltError) as raised:
        folder.save(state(3, size=50_000), curve(3), wait=wait)
        folder.save(state(4), curve(4))
    assert str(raised.value).startswith(message)
    with contextlib.suppress(OdeltError):  # the same again
        folder.close()
    folder = RunFolder(root, PARTS)
    assert int(folder.restore(state(0))[0].step) == 2
    folder.close()
    assert capfd.readouterr().err == ""
