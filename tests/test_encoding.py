"""Text has an encoding wherever it is read or written. Ruff's PLW1514 sees only what surely is a path or a file."""

import ast
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).parents[1]
SOURCES = ("odelt", "tests", "benchmarks", "envs", "rehearsal")
TEXT_MODE = re.compile("[rwaxt+]+")


def faults(source: str) -> list[str]:
    """The calls that read or write text in the encoding of the locale."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    return [ast.unparse(call) for call in calls if _is_text(call) and "encoding" not in _keywords(call)]


def _keywords(call: ast.Call) -> dict[str | None, ast.expr]:
    return {keyword.arg: keyword.value for keyword in call.keywords}


def _is_text(call: ast.Call) -> bool:
    if {"text", "universal_newlines"} & _keywords(call).keys():
        return True
    match call.func:
        case ast.Attribute(attr="read_text"):
            return not call.args
        case ast.Attribute(attr="write_text"):
            return len(call.args) == 1
        case ast.Attribute(value=ast.Name(id="os" | "tarfile" | "zipfile"), attr="open"):
            return False
        case ast.Attribute(attr="open"):
            position = 0
        case ast.Name(id="open"):
            position = 1
        case _:
            return False
    mode = call.args[position] if len(call.args) > position else _keywords(call).get("mode", ast.Constant("r"))
    return isinstance(mode, ast.Constant) and bool(TEXT_MODE.fullmatch(str(mode.value)))


def test_no_text_is_read_or_written_in_the_encoding_of_the_locale():
    for folder in SOURCES:
        for file in sorted((ROOT / folder).rglob("*.py")):
            assert faults(file.read_text(encoding="utf-8")) == [], file


@pytest.mark.parametrize(
    "source",
    [
        "path.read_text()",
        "(folder / 'x').write_text(text)",
        "open(path)",
        "path.open('w', newline='')",
        "subprocess.run(command, text=True)",
    ],
)
def test_the_check_sees_a_call_without_an_encoding(source):
    assert faults(source) == [ast.unparse(ast.parse(source))]


@pytest.mark.parametrize("source", ["path.read_text('utf-8')", "open(path, 'rb')", "os.open(path, flags)"])
def test_the_check_lets_bytes_and_named_encodings_pass(source):
    assert faults(source) == []
