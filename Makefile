# Everything a developer types. Each target sets itself up: nothing has to be installed first.

PYTHON ?= python3
# Of the tests: on two cores three are quicker than two, which wait for disks and servers by turns.
WORKERS ?= 3
VENV := .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# What tests start imports the project anew each time: compiled once is enough.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help run test check pages bench bench-migrations

help:  ## What can be typed here
	@awk -F':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(VENV)/.runtime  ## Install, upgrade the schema, start the site on http://localhost:5000
	@exec $(BIN)/python run.py

test: $(VENV)/.dev  ## Run every test; ARGS="tests/auth -k login" runs some of them
	@$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal $(ARGS)

check: $(VENV)/.dev  ## Lint, format, types, templates, drift of the schema, then every test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/djlint templates --check --lint
	@echo "flask db check, on a scratch database at head"
	@scratch=$$(mktemp -d) && trap 'rm -rf "$$scratch"' EXIT \
	  && export DATABASE_URL="sqlite:///$$scratch/check.db" \
	  && $(BIN)/flask db upgrade && $(BIN)/flask db check
	@$(MAKE) --no-print-directory test

pages: $(VENV)/.dev  ## Take pictures of every page into docs/pages/
	@$(BIN)/python -m tests.e2e.contact_sheet

bench: $(VENV)/.dev  ## Print figures; SIZES=1000,1000000 ENGINES=postgresql SECONDS=5 say how much
	@$(BIN)/python -m bench

bench-migrations: $(VENV)/.dev  ## Measure what a schema change costs people; ARGS="--rows 100000"
	@$(BIN)/python -m bench.migrations $(ARGS)

# One environment for all targets, made again only when a list of requirements has changed.
$(VENV)/.runtime: requirements.txt $(VENV)/pyvenv.cfg
	@echo "Installing what the site needs into $(VENV) …"
	@$(BIN)/python -m pip install --quiet -r requirements.txt
	@touch $@

$(VENV)/.dev: requirements-dev.txt $(VENV)/.runtime
	@echo "Installing what the tests need into $(VENV) …"
	@$(BIN)/python -m pip install --quiet -r requirements-dev.txt
	@touch $@

$(VENV)/pyvenv.cfg:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "Gatehouse needs Python 3.11 or newer, and '$(PYTHON)' is: $$($(PYTHON) -V 2>&1)."; \
	  echo "Name another one: make $(firstword $(MAKECMDGOALS) run) PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
	  echo "Python cannot make an environment here. On Debian: apt-get install python3-venv"; \
	  exit 1; }
