# The one door to everything; `make` alone lists the targets. Continuous integration uses nothing else.

SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
# The first of python3, python3.13, python3.12 and python3.11 that will do, unless named: make install PYTHON=python3.12
PYTHON ?=
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet --quiet
PYTEST := $(BIN)/python -m pytest
CODE := $(wildcard src tests bench demo tools)
# mypy refuses a folder without Python files.
TYPED = $(shell for folder in $(CODE); do find $$folder -name '*.py' | grep -q . && echo $$folder; done)

.DEFAULT_GOAL := help
.PHONY: help install dev demo test check fmt bench faults fuzz lock clean
.DELETE_ON_ERROR:

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: $(VENV)/.installed ## make .venv with the program: .venv/bin/mailferry
	@echo "Ready: $(BIN)/mailferry --help"

dev: $(VENV)/.dev ## the same, with the tools for tests and checks

demo: $(VENV)/.installed ## watch five mailboxes move on this machine
	@$(BIN)/python -m demo.run

test: $(VENV)/.dev ## run all tests but the long ones; ARGS="-k name" is passed to pytest, ARGS="-n 0" uses one process
	@$(PYTEST) --numprocesses auto $(ARGS)

check: $(VENV)/.dev ## format, lint, types, layers
	$(BIN)/ruff format --check --quiet $(CODE)
	$(BIN)/ruff check --quiet $(CODE)
	$(BIN)/mypy --strict $(TYPED)
	$(BIN)/lint-imports --no-cache --no-logo

fmt: $(VENV)/.dev ## format the code and repair what can be repaired safely
	$(BIN)/ruff check --fix-only --quiet $(CODE)
	$(BIN)/ruff format $(CODE)

bench: $(VENV)/.dev ## measure speed; ARGS is passed on
	@$(BIN)/python -m bench $(ARGS)

faults: $(VENV)/.dev ## run the fault tests only
	@$(PYTEST) tests/faults $(ARGS)

fuzz: $(VENV)/.dev ## run the fuzz tests for long
	@$(PYTEST) tests/fuzz -m "" --timeout=0 --hypothesis-profile=long $(ARGS)

lock: ## pin the requirements anew (needs uv); ARGS=--upgrade for newer versions
	@tools/lock.sh $(ARGS)

clean: ## remove what the other targets made, .venv too
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache src/*.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Stamps: a second `make` does nothing until a file to the right of the colon changes.
$(VENV)/.made: tools/make_venv.py
	@python3 tools/make_venv.py $(VENV) $(PYTHON)
	@touch $@

$(VENV)/.installed: $(VENV)/.made requirements/demo.txt pyproject.toml src/mailferry/__init__.py
	@echo "Installing into $(VENV)"
	@$(PIP) install --require-hashes --requirement requirements/demo.txt
	@$(PIP) install --no-build-isolation --no-deps --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.installed requirements/dev.txt
	@echo "Installing the tools for tests and checks"
	@$(PIP) install --require-hashes --requirement requirements/dev.txt
	@touch $@
