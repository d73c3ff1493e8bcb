# Everything here builds its own environment in .venv; nothing has to be installed or started first.

PYTHON ?= python3.11
VENV   ?= .venv
BIN    := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help install demo check format lint types arch readme test test-all coverage bench bench-plan faults requirements clean \
	campaign-adoption campaign-faults campaign-fuzz campaign-kill campaign-locks campaign-migration campaign-pull \
	campaign-rates campaign-signals campaign-sim campaign-soak campaign-warm campaign-worlds

help: ## Show this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

# ------------------------------------------------------------------------------------------------- environments
$(BIN)/.runtime: requirements/runtime.txt pyproject.toml
	$(call build,requirements/runtime.txt)

$(BIN)/.dev: requirements/dev.txt pyproject.toml
	$(call build,requirements/dev.txt)

define build
	@command -v $(PYTHON) >/dev/null || { echo "kbsync needs Python 3.11 or newer; run: make PYTHON=/path/to/python3 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(1)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@
endef

install: $(BIN)/.runtime ## Install kbsync into .venv, from pinned and hashed requirements

demo: $(BIN)/.runtime ## Run validate, plan, apply and a second, empty plan on both providers, without an account
	$(BIN)/kbsync demo

# ------------------------------------------------------------------------------------------------------- checks
check: format lint types arch readme ## Run everything that looks at the code without running its tests

format: $(BIN)/.dev ## Check the formatting
	$(BIN)/ruff format --check .

lint: $(BIN)/.dev ## Lint
	$(BIN)/ruff check .

types: $(BIN)/.dev ## Check types with mypy and pyright, both strict
	$(BIN)/mypy
	$(BIN)/pyright

arch: $(BIN)/.dev ## Check that imports point one way
	$(BIN)/lint-imports

readme: $(BIN)/.dev ## Run the README's commands and compare what it shows
	$(BIN)/python -m pytest -q tests/test_readme.py

# -------------------------------------------------------------------------------------------------------- tests
test: $(BIN)/.dev ## Install and run the tests
	$(BIN)/python -m pytest -q -n 2 --dist worksteal

VERSIONS ?= 3.11 3.12 3.13
test-all: ## Run the tests on every Python of VERSIONS that the machine has
	@for version in $(VERSIONS); do \
	  python=$$(.ci/python $$version) || { echo "Python $$version is not on this machine: left out"; continue; }; \
	  $(MAKE) --no-print-directory test PYTHON=$$python VENV=.venv-$$version || exit 1; \
	done

coverage: $(BIN)/.dev ## Branch coverage of core and engine by the tests beside them, 95 % at least of each (5 minutes)
	$(BIN)/python -m coverage run -m pytest -q tests/core tests/engine tests/providers tests/simulator
	$(BIN)/python -m coverage report --include='kbsync/core/*' --fail-under=95
	$(BIN)/python -m coverage report --include='kbsync/engine/*' --fail-under=95

campaign-rates: $(BIN)/.dev ## Rates kept for half a minute, and followed where the provider allows less (3 minutes)
	$(BIN)/python -m pytest -q -m campaign tests/campaigns/test_rates.py

campaign-faults: $(BIN)/.dev ## 100,000 items under faults and rate limits: nothing lost, nothing claimed (long)
	$(BIN)/python -m pytest -q -m campaign tests/campaigns/test_scale.py

campaign-adoption: $(BIN)/.dev ## 100,000 live items adopted, 1,000 edits found and set back (1 minute)
	$(BIN)/python -m pytest -q -m campaign tests/campaigns/test_adoption.py

campaign-fuzz: $(BIN)/.dev ## 10,000 manifests of each format, made by chance and damaged (2 minutes); SEED=N reads one
	$(BIN)/python -m pytest -q -m campaign -n 2 --dist worksteal tests/campaigns/test_fuzz.py

campaign-warm: $(BIN)/.dev ## 1,000 sequences of edits: each plan with the cache is the one without it (2 minutes); SEED=N plays one
	$(BIN)/python -m pytest -q -m campaign -n 2 tests/campaigns/test_warm_plans.py

campaign-worlds: $(BIN)/.dev ## 1,000 worlds of known, live and declared, through plan, apply and undo (5 minutes); SEED=N plays one
	$(BIN)/python -m pytest -q -m campaign -n 2 --dist worksteal tests/campaigns/test_three_way_worlds.py

campaign-kill: $(BIN)/.dev ## 1,000 SIGKILLs of a run at random moments under faults (20 minutes)
	$(BIN)/python -m pytest -q -m campaign -n 2 tests/campaigns/test_kills.py

campaign-signals: $(BIN)/.dev ## 108 runs ended by one to three signals at random times (5 minutes)
	$(BIN)/python -m pytest -q -m campaign -n 2 tests/campaigns/test_signals.py

campaign-locks: $(BIN)/.dev ## 1,000 races for the lock of a state, one winner each, and 100 full disks (15 minutes)
	$(BIN)/python -m pytest -q -m campaign tests/campaigns/test_locks.py tests/campaigns/test_full_disks.py

campaign-pull: $(BIN)/.dev ## 100,000 items pulled as each format, and into it: a plan finds nothing to do (5 minutes)
	$(BIN)/python -m pytest -q -m campaign tests/campaigns/test_pull.py

campaign-sim: $(BIN)/.dev ## 10,000 seeds of faults, rates, kills and edits on virtual time (15 minutes); SEED=N plays one
	$(BIN)/python -m pytest -q -m campaign -n 2 --dist worksteal tests/campaigns/test_simulation.py

campaign-migration: $(BIN)/.dev ## 20,000 items go to another account at 500/s, through a kill: both end equal (2 minutes)
	$(BIN)/python -m pytest -q -m campaign tests/campaigns/test_migration.py

campaign-soak: $(BIN)/.dev ## 100,000 items while three answers in ten are bad: memory and descriptors stay flat (4 minutes)
	$(BIN)/python -m pytest -q -m campaign tests/campaigns/test_soak.py

faults: $(BIN)/.dev ## Run the tests of every fault, and write what they saw into docs/faults.md (5 minutes)
	$(BIN)/python -m pytest -q -n 2 --dist worksteal -p tests.faults.matrix -m fault --faults docs/faults.md

bench: $(BIN)/.dev ## Measure, side by side in one run, and print ratios (long)
	$(BIN)/python -m benchmarks

bench-plan: $(BIN)/.dev ## Measure what a plan takes, and write it into docs/planning.md (20 minutes)
	$(BIN)/python -m benchmarks plan warm peers growth --docs docs

# ------------------------------------------------------------------------------------------------------ upkeep
COMPILE := piptools compile --quiet --upgrade --strip-extras --allow-unsafe --generate-hashes --no-header \
	--no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-annotate

requirements: $(BIN)/.dev ## Renew the pinned and hashed requirements
	$(BIN)/python -m $(COMPILE) --output-file requirements/runtime.txt pyproject.toml requirements/runtime.in
	$(BIN)/python -m $(COMPILE) --output-file requirements/dev.txt pyproject.toml requirements/dev.in

clean: ## Remove what was built
	rm -rf .venv .venv-* build dist .kbsync *.egg-info
