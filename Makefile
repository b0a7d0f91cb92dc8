# `make demo` and `make test` do all set-up themselves; `make help` lists the rest.
PYTHON ?= python3.11
BIN := .venv/bin
READY := .venv/.installed

.PHONY: help demo test lint bench
.DEFAULT_GOAL := help

help: ## list the targets
	@grep -E '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## /make \1\t/' | expand -t 24

demo: $(READY) ## port examples/brand_new_bert: scaffold, diff, pt-to-tf
	PATH="$(CURDIR)/$(BIN):$$PATH" examples/brand_new_bert/demo.sh demo

test: $(READY) ## run the tests
	$(BIN)/python -m pytest

lint: $(READY) ## ruff and mypy, as pre-commit runs them
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(READY) ## how long porter takes, and how fast a port runs
	$(BIN)/python benchmarks/speed.py
	$(BIN)/python benchmarks/latency.py

# The virtual environment, once: made again only when the requirements change.
# PyTorch comes first and alone, so that whichever build of it (CPU, CUDA) pip is set up for is the one that stays.
$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet torch==2.13.0
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[test]'
	touch $@
