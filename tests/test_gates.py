"""What a change passes before it is committed, and the version, each said in one place or held together here."""

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
