# The front door. Every target is one or two commands that can also be typed.
PYTHON ?= python3.11
BIN := .venv/bin
UV := uv
SOURCES := odelt tests benchmarks envs

.PHONY: env mini test lint pins

env: .venv/ready

.venv/ready: requirements/dev.txt pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

mini: env
	$(BIN)/snakemake --cores all --config suite=mini

test: env
	$(BIN)/pytest

lint: env
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/snakefmt --check Snakefile workflow
	$(BIN)/snakemake --lint

# Pins anew, with hashes and without the address they came from (needs uv).
pins:
	for world in jax dev; do $(UV) pip compile --quiet --universal --python-version 3.11 --upgrade --generate-hashes \
	  --no-emit-index-url --no-annotate --no-header requirements/$$world.in -o requirements/$$world.txt; done
	$(BIN)/python envs/generate.py
