"""The folder of compiled programs does not grow for ever."""

import os
import pathlib

import pytest

from odelt.config import load_suite
from odelt.machine import compiled, process
from odelt.planning import clean

MINI = load_suite(pathlib.Path(__file__).parents[2] / "config" / "mini.yaml")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Four programs of 100 bytes each, used at the times 1 to 4, and a file that JAX has not written."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for variable in ("JAX_COMPILATION_CACHE_DIR", "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"):
        monkeypatch.setenv(variable, os.environ.get(variable, ""))  # put back after the test
    folder = tmp_path / "odelt" / "xla"
    folder.mkdir(parents=True)
    for used in (3, 1, 4, 2):
        (folder / f"program{used}-cache").write_bytes(b"x" * 100)
        os.utime(folder / f"program{used}-cache", (used, used))
    (folder / "notes").write_bytes(b"x" * 1000)
    return folder


def names(folder) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_beyond_the_limit_the_programs_that_were_used_last_longest_ago_go(folder, monkeypatch):
    monkeypatch.setattr(compiled, "LIMIT", 350)
    monkeypatch.setattr(compiled, "KEPT", 200)
    process.share_compiled_programs()
    assert names(folder) == ["notes", "program3-cache", "program4-cache"]


def test_within_the_limit_every_program_stays(folder):
    process.share_compiled_programs()
    assert len(names(folder)) == 5


def test_clean_names_the_folder_with_its_size_and_removes_it_when_asked(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert f"{folder}: 0 MB of compiled programs, of all suites" in list(clean.clean("mini", MINI, remove=False))
    assert len(names(folder)) == 5
    list(clean.clean("mini", MINI, remove=True))
    assert not folder.exists()
