# Every target makes .venv by itself where it is missing or older than what it is made from.
# Needs Python 3.11 and git 2.38 or newer, and no root. Another Python: make PYTHON=python3.12
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/installed
ROOMS := config security store repos pushback daemon tests
# Test processes, and how tests are shared out: a file stays in one process, with the servers it started.
# Which file is begun when, tests/order.py says: by the number of tests, the longest would be begun last.
# Twice the cores that are counted on: tests wait for daemons, clocks and a booted machine.
JOBS ?= 4
# Minutes that `make soak` runs, 0.5 for half of one; empty: until it finds something or is interrupted.
MINUTES ?=
ARGS ?=
# Tests flush many small files: where there is a large memory file system, they are made there.
IN_MEMORY = $(shell [ "$$(df --output=avail /dev/shm 2>/dev/null | tail -n 1)" -gt 4000000 ] 2>/dev/null && echo PYTEST_DEBUG_TEMPROOT=/dev/shm)

# Where a shell forbids compiled files, each of some hundred daemons, and each test process, would compile all again.
export PYTHONDONTWRITEBYTECODE =

.PHONY: help venv demo test lint docs bench soak lock clean

help:
	@echo "make demo    two clones, two daemons and a remote, told as it happens"
	@echo "make test    every test (ARGS='tests/repos -k name' for some)"
	@echo "make lint    ruff, mypy --strict, import-linter"
	@echo "make docs    the pages of docs/ that are made from the code"
	@echo "make bench   paired benchmarks (ARGS='--quick' for a look)"
	@echo "make soak    random histories until one fails (MINUTES=30 to stop)"
	@echo "make lock    new requirements.lock and requirements-dev.lock"
	@echo "make venv    only .venv;  make clean removes it"

venv: $(STAMP)

$(STAMP): requirements-dev.lock setup.cfg pyproject.toml
	@command -v $(PYTHON) >/dev/null || { \
	  echo "gitferry needs Python 3.11 or newer, and there is no '$(PYTHON)': install one, or make PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "gitferry needs Python 3.11 or newer, and '$(PYTHON)' is $$($(PYTHON) --version 2>&1): make PYTHON=python3.12, say" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "$(PYTHON) cannot make virtual environments: on Debian and Ubuntu, install python3-venv" >&2; exit 1; }
	@command -v git >/dev/null || { echo "gitferry needs git 2.38 or newer, and there is none: install git" >&2; exit 1; }
	@$(PYTHON) -c 'import re, sys; sys.exit([int(n) for n in re.findall("[0-9]+", sys.argv[1])[:2]] < [2, 38])' "$$(git version)" || { \
	  echo "gitferry needs git 2.38 or newer, and this is $$(git version): install a newer git" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(STAMP)

demo: $(STAMP)
	@$(BIN)/gitferry demo $(ARGS)

test: $(STAMP)
	$(IN_MEMORY) $(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder $(ARGS)

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy $(ROOMS:%=-p gitferry.%)
	$(BIN)/mypy docs/generate.py
	MYPYPATH=benchmarks $(BIN)/mypy benchmarks
	$(BIN)/lint-imports --no-logo

docs: $(STAMP)
	$(BIN)/python docs/generate.py

bench: $(STAMP)
	PYTHONPATH=.typing $(BIN)/python benchmarks $(ARGS)

soak: $(STAMP)
	@PYTHONPATH=.typing $(BIN)/python -m gitferry.tests.soak $(if $(MINUTES),--minutes $(MINUTES)) $(if $(SEED),--seed $(SEED)) $(ARGS)

lock: $(STAMP)
	@$(BIN)/uv --version >/dev/null 2>&1 || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip compile setup.cfg --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --quiet --upgrade -o requirements.lock
	$(BIN)/uv pip compile setup.cfg --extra dev --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --quiet --upgrade -o requirements-dev.lock

clean:
	rm -rf $(VENV) build dist gitferry.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
