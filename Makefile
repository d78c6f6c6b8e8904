# `make demo` and `make test` need Python 3.11 or newer, make, and a package index; everything else they set up.
PYTHON ?= python3
ARGS ?=
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: demo test lint bench lock clean

demo: $(STAMP)
	$(BIN)/kalshi-assets demo $(ARGS)

# Two processes, a file each at a time; conftest.py starts with the files that take longest.
test: $(STAMP)
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	DAGSTER_HOME=$$(mktemp -d) $(BIN)/dagster definitions validate --log-level warning

bench: $(STAMP)
	$(BIN)/python -m bench $(ARGS)

# Needs uv on the PATH. Records versions and hashes for every platform, never where they were fetched from.
# The second file holds only what the browser tests add.
LOCK := uv pip compile --universal --generate-hashes --no-strip-extras --no-header --python-version 3.11
lock:
	$(LOCK) --extra dev pyproject.toml -o requirements.lock
	$(PYTHON) -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["browser"], sep="\n")' \
	  | $(LOCK) --constraint requirements.lock - -o requirements-browser.lock

$(STAMP): requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes --no-deps -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

clean:
	rm -rf $(VENV)
