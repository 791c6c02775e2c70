# Every target makes the virtual environment that it needs. PYTHON=python3.12 chooses another interpreter.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
# The tests wait for servers and processes a third of their time: twice as many as there are processors keep these busy.
JOBS ?= 4
ARGS ?=
SEED ?= 0
INPUTS ?= 1000000
SIZES ?= 3000
DATABASES ?= sqlite,postgresql,mariadb

.DEFAULT_GOAL := help
.PHONY: help sync test laws torture fuzz cluster shells bench check fmt readme reference schemas constraints interop audit build package clean
.NOTPARALLEL:

help: ## show this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

sync: .venv/.installed ## install modelctl and sync every provider into the default database
	@$(BIN)/modelctl sync --provider all $(ARGS)

# Bytecode is kept whatever the environment says: else each process that a test starts compiles all of modelctl.
test: .venv/.installed-dev ## run all tests, four at a time (ARGS="-k name" selects)
	@PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n $(JOBS) --dist worksteal $(ARGS)

laws: .venv/.installed-dev ## try the laws of the core and the parsers with 1,000 generated examples each
	@$(BIN)/python -m pytest -n $(JOBS) --hypothesis-profile=many tests/core tests/catalog tests/discovery/test_fuzz.py $(ARGS)

torture: SECONDS ?= 120
torture: .venv/.installed-dev ## try to break a sync for SECONDS=120 from SEED=0: edits, kills; then as long by faults
	@$(BIN)/python -m tools.torture --seconds $(SECONDS) --seed $(SEED) $(ARGS)

fuzz: .venv/.installed-dev ## feed INPUTS=1000000 mutated listings, catalogs and settings to their readers, from SEED=0
	@$(BIN)/python -m tools.fuzz --inputs $(INPUTS) --seed $(SEED) $(ARGS)

cluster: SECONDS ?= 600
cluster: .venv/.installed-dev ## sync through a Galera cluster of three nodes, break it, compare the nodes; SECONDS=600 SEED=0
	@$(BIN)/python -m pytest tools/cluster/at_once.py tools/cluster/conflicts.py tools/cluster/outages.py \
	  tools/cluster/serializable.py tools/cluster/histories.py --seed $(SEED) --seconds $(SECONDS) $(ARGS)

shells: .venv/.installed-dev ## complete in bash, zsh and fish, which have to be installed
	@$(BIN)/python -m tools.shells

bench: .venv/bench/.installed ## measure speed in some minutes (SIZES=3000,30000 DATABASES=sqlite; see benchmarks/README.md)
	@.venv/bench/bin/python -m benchmarks --sizes $(SIZES) --databases $(DATABASES) $(ARGS)

check: .venv/.installed-dev ## format, lint, types, import rules, catalogs: what CI refuses
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/lint-imports --no-cache >.venv/lint-imports.log || { cat .venv/lint-imports.log; exit 1; }
	@$(BIN)/modelctl catalog lint

fmt: .venv/.installed-dev ## format, and fix what can be fixed by itself
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format --quiet .

build: .venv/.installed-dev ## make the wheel and the sdist in dist/
	@rm -rf dist && SOURCE_DATE_EPOCH=1700000000 $(BIN)/python -m build --no-isolation >.venv/build.log 2>&1 || { cat .venv/build.log; exit 1; }
	@ls dist

package: .venv/.installed-dev ## install the wheel and the sdist from the index into empty environments, and use them
	@$(BIN)/python -m tools.package

interop: .venv/.installed-dev ## let LiteLLM, genai-prices, LibreChat, Continue, opencode and llm read their exports
	@$(BIN)/python -m tools.interop

audit: .venv/.installed-dev ## check what is installed: pins, licences, strays; ADVISORIES=DIR holds OSV's JSON
	@$(BIN)/python -m tools.audit $(if $(ADVISORIES),--advisories $(ADVISORIES))

readme: .venv/.installed-dev ## draw the picture of the README, and write what its commands really print into it
	@$(BIN)/python -m tools.readme

reference: .venv/.installed-dev ## write every command, as its code describes it, into docs/reference.md
	@$(BIN)/python -m tools.reference

schemas: .venv/.installed-dev ## write the JSON Schema of every report into docs/schemas
	@$(BIN)/python -m tools.schemas

constraints: ## pin the newest releases of everything in constraints.txt
	@rm -rf .venv/fresh && $(PYTHON) -m venv .venv/fresh
	@.venv/fresh/bin/python -m pip --quiet --disable-pip-version-check install '.[dev,bench]'
	@{ echo "# Exact versions of everything that modelctl and its tests install. Written by 'make constraints'."; \
	   .venv/fresh/bin/python -m pip --disable-pip-version-check freeze --exclude modelctl; } >constraints.txt
	@rm -rf .venv/fresh && wc -l constraints.txt

clean: ## remove the virtual environment and everything built
	@rm -rf .venv dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis

# A stamp is newer than what it was made from, so running make again installs nothing.
.venv/.installed: pyproject.toml constraints.txt $(BIN)/python
	@echo "installing modelctl into .venv (once; about half a minute)" >&2
	@$(PIP) install -c constraints.txt hatchling editables
	@$(PIP) install -c constraints.txt --no-build-isolation -e '.[all]'
	@touch $@

.venv/.installed-dev: pyproject.toml constraints.txt $(BIN)/python
	@echo "installing modelctl and what its tests need into .venv (once; about half a minute)" >&2
	@$(PIP) install -c constraints.txt hatchling editables
	@$(PIP) install -c constraints.txt --no-build-isolation -e '.[dev]'
	@touch .venv/.installed $@

# An environment of its own: what modelctl is measured against must not get into the one that is tested.
.venv/bench/.installed: pyproject.toml constraints.txt $(BIN)/python
	@echo "installing what benchmarks measure against into .venv/bench (once; about a minute)" >&2
	@$(PYTHON) -m venv --clear .venv/bench
	@.venv/bench/bin/python -m pip --quiet --disable-pip-version-check install -c constraints.txt hatchling editables
	@.venv/bench/bin/python -m pip --quiet --disable-pip-version-check install -c constraints.txt --no-build-isolation -e '.[bench]'
	@touch $@

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "error: $(PYTHON) is not Python 3.11 or newer; try: make $(MAKECMDGOALS) PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -m venv --clear .venv
