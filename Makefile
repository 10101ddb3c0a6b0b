# make demo   a whole TRE on this machine: tools, cluster, site, two studies, their results' way out, and proof of what holds
# make test   every test: unit, conformance, engine, cluster
# make bench  the figures of docs/benchmarks.md
SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -c
PYTHON ?= python3
BIN := .venv/bin
UV_VERSION := 0.13.9
READY := .venv/.ready
# As uv's own download of Python or a certificate store of its own would be one more thing to trust.
UV := UV_PYTHON_DOWNLOADS=never UV_SYSTEM_CERTS=1 $(BIN)/uv

# Compiled modules halve every command's start; where they may not be written, each start compiles all anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test test-cluster test-beside bench check docs lock tools clean

demo: tools
	$(BIN)/tre cluster up
	$(BIN)/tre up demo --yes
	$(BIN)/tre run demo breast --name breast-model --script examples/demo/breast.py
	$(BIN)/tre run demo diabetes --name diabetes-model --script examples/demo/diabetes.py
	$(BIN)/python -m examples.demo.journey
	$(BIN)/tre verify demo

# Who looks at the end finds there what failed, in whichever lane and however long ago.
test: tools check
	$(MAKE) --no-print-directory --jobs=2 --keep-going test-cluster test-beside \
		|| { echo; echo 'What failed:'; grep -hE '\| (FAILED|ERROR) ' $(LANES)/*.txt; exit 1; }

# Two lanes side by side, as the cluster's tests wait for most of their time; each line says which lane it comes from.
LANES := .pytest_cache
lane = mkdir -p $(LANES) && $(BIN)/pytest -o cache_dir=$(LANES)/$(1) $(2) 2>&1 \
	| sed --unbuffered 's/^/$(1) | /' | tee $(LANES)/$(1).txt

test-cluster: $(READY)
	$(call lane,cluster,tests/cluster)

test-beside: $(READY)
	$(call lane,beside,--ignore=tests/cluster)

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright

bench: tools
	$(BIN)/python -m tests.bench

# The tools that the engine and the local cluster need: found, downloaded or built, once for this machine.
tools: $(READY)
	$(BIN)/tre toolchain install --yes

$(READY): requirements.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	$(UV) pip sync --quiet --require-hashes requirements.lock
	$(UV) pip install --quiet --no-deps --no-build-isolation -e .
	$(BIN)/python -m compileall -q tre components providers portal
	touch $@

# The pages that are written from the code; a test holds that they are current.
docs: $(READY)
	$(BIN)/python -m tre.model.reference
	$(BIN)/python -m tre.verify.matrix
	$(BIN)/python -m tre.verify.schema

lock:
	$(UV) pip compile pyproject.toml --all-extras --generate-hashes --no-emit-index-url --no-annotate \
		--python-version 3.11 --custom-compile-command "make lock" -o requirements.lock
	$(UV) pip compile images/portal/requirements.in --constraint requirements.lock --generate-hashes --no-emit-index-url \
		--no-annotate --python-version 3.11 --custom-compile-command "make lock" -o images/portal/requirements.lock

clean:
	rm -rf .venv
