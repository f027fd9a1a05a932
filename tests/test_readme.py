"""README's commands do what they say (its first two are what CI itself is made of); CONTRIBUTING's paths are there."""

import os
import pathlib
import re
import subprocess
import sys
import tomllib

import pytest

ROOT = pathlib.Path(__file__).parents[1]
BLOCKS = dict.fromkeys(("sh", "python"), "")
for language, block in re.findall(
    r"```(sh|python)\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), flags=re.S
):
    BLOCKS[language] += block
COMMANDS = [line.partition("#")[0].strip() for line in BLOCKS["sh"].splitlines()]
NEEDS_MINI = pytest.mark.skipif(
    not (ROOT / "results" / "mini" / "report.html").exists(), reason="shows what `make mini` made, which is not there"
)


def run(*command: str) -> str:
    environment = {**os.environ, "PATH": f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}"}
    told = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, encoding="utf-8")
    assert told.returncode == 0, told.stderr
    return told.stdout


def test_the_two_commands_come_first():
    assert COMMANDS[:2] == ["make mini", "make test"]


def test_ci_runs_the_two_commands():
    assert set(COMMANDS[:2]) <= set((ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines())


def commands() -> list:
    """What people type besides `make`; those about the paper ask Snakemake for long, and wait for the rehearsal."""
    typed = [command for command in COMMANDS if command.startswith(("odelt", "snakemake", ".venv-crate"))]
    return [command if "mini" in command else pytest.param(command, marks=pytest.mark.rehearsal) for command in typed]


@pytest.mark.parametrize("command", commands())
def test_a_command_runs(command, tmp_path):
    if "results/mini" in command and not (ROOT / "results" / "mini" / "report.html").exists():
        pytest.skip("shows what `make mini` made, which is not there")
    if "suite=flowers" in command:
        pytest.skip("wants a suite that a reader writes: tests/workflow/test_another_dataset.py does so and runs it")
    if command.startswith(".venv-crate") and not (ROOT / ".venv-crate" / "ready").exists():
        pytest.skip("wants what `make env-crate` installs")
    command = command.replace("snakemake", "snakemake --dry-run")
    command = command.replace("--out ", f"--out {tmp_path}/")
    if command.startswith("odelt doctor") or "--against" in command:
        command += " || test $? = 1"  # something may be missing, or stale, here: that is what it tells
    run("bash", "-c", command)


@NEEDS_MINI
def test_the_python_example_runs():
    assert run(sys.executable, "-c", BLOCKS["python"] + "print(x1.shape, v.shape)") == "(10, 8, 8, 1) (10, 8, 8, 1)\n"


CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
# A folder or a file in code, or the target of a link. A reader chooses `<name>`.
PATH = re.compile(r"(?<=[`( ])[\w.-]+(?:/[\w.-]+)*(?:/|\.(?:py|md|yaml|toml|smk))(?=[`) ])")


def test_every_path_in_contributing_is_there():
    code = re.findall(r"`[^`]+`|\]\([^)]+\)", CONTRIBUTING)
    paths = {path for words in code for path in PATH.findall(words)}
    paths |= {word for words in code if words.startswith("`pytest ") for word in words.strip("`").split()[1:]}
    assert len(paths) > 40
    assert [path for path in sorted(paths) if not (ROOT / path).exists()] == []


def test_each_of_the_ten_changes_takes_at_most_ten_lines_and_names_the_tests_to_run():
    changes = re.split(r"^### ", CONTRIBUTING, flags=re.M)[1:]
    assert len(changes) == 10
    for change in changes:
        lines = [line for line in change.splitlines()[1:] if line]
        assert len(lines) <= 10 and lines[-1].startswith("`pytest tests/"), change


def test_the_rooms_are_listed_in_the_order_in_which_they_import():
    with (ROOT / "pyproject.toml").open("rb") as file:
        (contract,) = tomllib.load(file)["tool"]["importlinter"]["contracts"]
    height = {room: -k for k, layer in enumerate(contract["layers"]) for room in layer.split(" | ")}
    table = (ROOT / "README.md").read_text(encoding="utf-8").partition("| where | what |")[2]
    listed = re.findall(r"^\| `odelt/(\w+)/`", table, flags=re.M)
    assert {path.name for path in (ROOT / "odelt").iterdir() if (path / "__init__.py").exists()} - {*listed} == {
        "commands"
    }
    assert listed == sorted(listed, key=height.get)
