# The front door. Every target is one or two commands that can also be typed.
PYTHON ?= python3.11
NEXT ?= python3.12
BIN := .venv/bin
UV := $(BIN)/uv
SOURCES := odelt tests benchmarks envs rehearsal

.PHONY: env env-full env-crate env-next mini rehearsal paper test slow next lint pins container-pin

env: .venv/ready
env-full: .venv-full/ready
# Another reader of the crates that the workflow writes; the test that wants it is left out without it.
env-crate: .venv-crate/ready
# The same pins on a newer Python, where JAX is the next one.
env-next: .venv-next/ready

.venv/ready: requirements/dev.txt
# With a GPU, JAX's CUDA packages too; CUDA=1 wants them also where no GPU is seen, as before a cluster's queue.
CUDA ?= $(shell command -v nvidia-smi)
.venv-full/ready: requirements/full.txt $(if $(CUDA),requirements/gpu.txt)

.venv-crate/ready: requirements/crate.txt

.venv-next/ready: requirements/dev.txt
.venv-next/ready: override PYTHON = $(NEXT)

.venv/ready .venv-full/ready .venv-crate/ready .venv-next/ready: requirements/uv.txt pyproject.toml odelt/version.py
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
	$(@D)/bin/uv pip install --quiet --compile-bytecode --python $(@D)/bin/python --require-hashes -r $(lastword $(filter-out %/uv.txt %.toml %.py,$^))
	$(@D)/bin/uv pip install --quiet --python $(@D)/bin/python --no-deps --no-build-isolation --editable .
	touch $@

mini: env
	$(BIN)/snakemake --cores all --config suite=mini

# The paper's own jobs on stand-ins, then the tests that need the other worlds, and the types of what imports them.
rehearsal: env-full
	.venv-full/bin/python -m rehearsal
	for world in torch tensorflow "downloads or rehearsal"; do \
	  .venv-full/bin/pytest -n 2 --dist loadfile -m "$$world" || exit 1; done
	.venv-full/bin/basedpyright --project envs/basedpyright-full.json --pythonpath .venv-full/bin/python

paper: env-full
	.venv-full/bin/snakemake --cores all

test: env
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder -m "not rehearsal and not slow"

# Long tests, and the golden numbers as users' programs compute them: before a release, and for a change of either.
slow: env
	XLA_FLAGS=--xla_backend_optimization_level=3 $(BIN)/pytest -n 2 --dist loadfile -m "slow or golden"

# The network, its training and its solvers on the newer Python and JAX.
next: env-next
	.venv-next/bin/pytest -n 2 --dist loadfile -m "not rehearsal and not slow" \
	  tests/model tests/objectives tests/sampling tests/solvers tests/training

lint: env
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/lint-imports --no-cache
	$(BIN)/basedpyright --project pyproject.toml
	$(BIN)/snakefmt --check Snakefile workflow
	$(BIN)/snakemake --lint

# The base image of Containerfile by its digest; needs Docker and a network.
container-pin:
	image=$$(sed -n 's/^FROM \([^@ ]*\).*/\1/p' Containerfile) && \
	digest=$$(docker buildx imagetools inspect --format '{{.Manifest.Digest}}' $$image) && \
	sed -i "s|^FROM .*|FROM $$image@$$digest|" Containerfile

# Pins anew, with hashes and without the address they came from; one version of a package everywhere.
pins: env
	for world in uv full gpu dev crate jax vision data; do $(UV) pip compile --quiet --universal --python-version 3.11 --upgrade \
	  --generate-hashes --no-emit-index-url --no-annotate --no-header requirements/$$world.in -o requirements/$$world.txt; done
	$(BIN)/python envs/generate.py
