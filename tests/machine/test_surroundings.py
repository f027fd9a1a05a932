"""A process starts, and says what is missing, whatever its surroundings: streams, terminal, home, folders, platform."""

import os
import pathlib
import subprocess
import sys
import tempfile

import pytest

from odelt import OdeltError
from odelt.machine import alive, devices, process, surroundings

ROOT = pathlib.Path(__file__).parents[2]
ASCII = {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "LC_ALL": "C"}


def odelt(*arguments: str, shell: str = '"$@"', **settings) -> subprocess.CompletedProcess:
    """The command line in a process of its own, started by a line of shell."""
    command = ["/bin/sh", "-c", shell, "sh", sys.executable, "-m", "odelt", *arguments]
    options = {"capture_output": True, "encoding": "utf-8", "cwd": ROOT, "timeout": 60}
    return subprocess.run(command, **options | settings)


def in_ascii(program: str) -> str:
    """What a Python program prints where the locale has nothing but ASCII."""
    command = [sys.executable, "-c", program]
    return subprocess.check_output(command, encoding="ascii", env=os.environ | ASCII, timeout=60)


@pytest.fixture
def as_user_without_a_name(monkeypatch):
    """A user in no list of users, without HOME, as in a container."""
    for variable in ("HOME", "XDG_CACHE_HOME", *surroundings.USER_VARIABLES, *surroundings.TEMPORARY):
        monkeypatch.delenv(variable, raising=False)

    def unknown(_):
        raise KeyError

    monkeypatch.setattr("pwd.getpwuid", unknown)


def test_a_terminal_that_lacks_a_character_gets_an_escape():
    program = r"from odelt.machine import process; process.open_streams(); print('\u2212\xd7\xe9\udce9')"
    assert in_ascii(program) == "\\u2212\\xd7\\xe9\\udce9\n"


def test_files_are_written_alike_in_every_locale(tmp_path):
    in_ascii(rf"from odelt import files; files.write_text('{tmp_path}/table.md', '\u2212 \xdf')")
    assert (tmp_path / "table.md").read_text(encoding="utf-8") == "− ß"


def test_help_is_printed_on_a_terminal_without_accents_and_without_a_home():
    done = odelt("--help", env={**ASCII, "COLUMNS": "nonsense"})
    assert done.returncode == 0, done.stderr
    assert "Fr\\xe9chet" in done.stdout


def test_closed_streams_are_no_fault():
    done = odelt("--version", shell='exec "$@" <&- >&- 2>&-')
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_what_cannot_be_printed_is_told_in_one_line():
    done = odelt("clean", "--suite", "mini", shell='exec "$@" > /dev/full')
    assert done.returncode != 0
    assert done.stderr == "odelt: cannot write what is printed: No space left on device\n"


def test_a_working_folder_that_was_deleted_is_told_in_one_line(tmp_path):
    (tmp_path / "gone").mkdir()
    done = odelt("--help", shell='rmdir "$PWD" && exec "$@"', cwd=tmp_path / "gone")
    assert (done.returncode, done.stderr) == (2, "odelt: the working folder was deleted; change to another one\n")


def test_a_user_without_a_home_is_told_to_set_one(as_user_without_a_name):
    (line,) = surroundings.missing()
    assert line.startswith("HOME is not set") and line.endswith("set HOME to a folder that you can write")
    process.share_compiled_programs()  # goes on without a cache


def test_a_user_without_a_name_gets_one_for_the_libraries_that_ask(as_user_without_a_name, monkeypatch):
    import getpass

    monkeypatch.setenv("LOGNAME", "")  # put back after the test
    surroundings.name_the_user()
    assert getpass.getuser() == str(os.getuid())


@pytest.mark.parametrize("wrong", ["a file", "a folder below a file"])
def test_a_cache_that_cannot_be_written_is_told_with_the_variable(monkeypatch, tmp_path, wrong):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file" / ("" if wrong == "a file" else "below")))
    monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR", raising=False)
    (line,) = surroundings.missing()
    assert "cannot be written" in line and line.endswith("set XDG_CACHE_HOME to a folder that you can write")
    process.share_compiled_programs()
    assert "JAX_COMPILATION_CACHE_DIR" not in os.environ


def test_a_folder_for_temporary_files_that_is_not_there_is_told(monkeypatch, tmp_path):
    monkeypatch.setenv("TMPDIR", str(tmp_path / "nowhere"))
    (line,) = surroundings.missing()
    assert line.startswith("TMPDIR names") and "make it, or set TMPDIR to another" in line


def test_no_folder_for_temporary_files_at_all_is_told(monkeypatch):
    def none():
        raise FileNotFoundError

    for variable in surroundings.TEMPORARY:
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(tempfile, "gettempdir", none)
    (line,) = surroundings.missing()
    assert line.endswith("set TMPDIR to one that can")


def test_a_path_without_a_shell_is_told(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    (line,) = surroundings.missing()
    assert line.startswith("PATH is '/nowhere' and has no bash")


def test_without_a_path_a_workflow_has_the_system_s(monkeypatch, tmp_path):
    monkeypatch.delenv("PATH")
    monkeypatch.setattr(alive, "_claim", None)
    alive.enter(tmp_path / ".snakemake")
    assert os.environ["PATH"] == os.pathsep.join([os.path.dirname(sys.executable), os.defpath])


@pytest.mark.parametrize("variable", devices.PLATFORMS)
def test_a_platform_without_its_device_is_told_with_the_variable(monkeypatch, variable):
    monkeypatch.setattr(devices, "inventory", lambda: [])
    for other in devices.PLATFORMS:
        monkeypatch.setenv(other, "")
    assert devices.unavailable_platform() is None
    monkeypatch.setenv(variable, "cuda")
    told = devices.unavailable_platform()
    assert told == f"{variable} is 'cuda', and there is no GPU here: unset it, or set it to cpu"
    monkeypatch.setenv(variable, "cuda,cpu")
    assert devices.unavailable_platform() is None


@pytest.mark.parametrize("reason", [AssertionError(), RuntimeError("Unable to initialize backend 'cuda'")])
def test_a_platform_that_jax_cannot_start_is_one_line(monkeypatch, reason):
    def default_backend():
        raise reason

    monkeypatch.setattr("jax.default_backend", default_backend)
    monkeypatch.setenv("JAX_PLATFORMS", "cuda")
    with pytest.raises(OdeltError, match="JAX cannot compute with JAX_PLATFORMS='cuda'.*unset it"):
        devices.start_jax([])
