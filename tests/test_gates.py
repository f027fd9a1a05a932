"""What a change passes before it is committed, and the version, each said in one place or held together here."""

import ast
import collections
import importlib.metadata
import pathlib
import re

import yaml

import odelt

ROOT = pathlib.Path(__file__).parents[1]


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_the_hooks_of_pre_commit_run_what_make_lint_runs():
    makefile = text("Makefile")
    sources = re.search(r"^SOURCES := (.+)$", makefile, re.M)[1]
    recipe = re.search(r"^lint:.*\n((?:\t.+\n)+)", makefile, re.M)[1]
    commands = recipe.replace("$(BIN)", ".venv/bin").replace("$(SOURCES)", sources).replace("\t", "").splitlines()
    (repository,) = yaml.safe_load(text(".pre-commit-config.yaml"))["repos"]
    assert repository["repo"] == "local"
    assert [hook["entry"] for hook in repository["hooks"]] == commands


def test_the_citation_and_the_installed_package_have_the_packages_version():
    assert yaml.safe_load(text("CITATION.cff"))["version"] == odelt.__version__
    assert importlib.metadata.version("odelt") == odelt.__version__


PACKAGE = ROOT / "odelt"


def test_no_module_is_longer_than_300_lines():
    parts = [path for ending in ("py", "js", "css", "html") for path in PACKAGE.rglob(f"*.{ending}")]
    lengths = {path.relative_to(ROOT).as_posix(): len(path.read_text(encoding="utf-8").splitlines()) for path in parts}
    assert {name: length for name, length in lengths.items() if length > 300} == {}


def test_no_function_is_longer_than_50_lines():
    long = {}
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.end_lineno - node.lineno >= 50:
                long[f"{path.relative_to(ROOT).as_posix()}:{node.name}"] = node.end_lineno - node.lineno + 1
    assert long == {}


def test_no_module_is_imported_by_a_text_that_import_linter_cannot_see():
    for path in PACKAGE.rglob("*.py"):
        assert not re.search(r"\bimport_module\(|\b__import__\(", path.read_text(encoding="utf-8")), path


def test_no_two_classes_have_the_same_name():
    classes = [
        node.name
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef)
    ]
    assert [name for name, count in collections.Counter(classes).items() if count > 1] == []
