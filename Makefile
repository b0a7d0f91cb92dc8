# `make demo` and `make test` do all set-up themselves; `make help` lists the rest.
PYTHON ?= python3.11
BIN := .venv/bin
READY := .venv/.installed
READY4 := .venv4/.installed
READY_LOWEST := .venv-lowest/.installed

# What recipes that make an environment begin with.
define FIND_PYTHON
@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null || { \
  echo "$(PYTHON) is not there, or is not Python 3.11, 3.12 or 3.13." >&2; \
  echo "  hint: make PYTHON=/path/to/python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
endef

.PHONY: help demo test test-long test-part test-transformers4 test-lowest browser browser-test lint bench
.DEFAULT_GOAL := help

help: ## list the targets
	@grep -E '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## /make \1\t/' | expand -t 24

demo: $(READY) ## port examples/brand_new_bert: scaffold, diff, pt-to-tf
	PATH="$(CURDIR)/$(BIN):$$PATH" examples/brand_new_bert/demo.sh demo

# On two processes, in the order in which the tests are collected.
test: $(READY) ## run the tests but the long ones
	$(BIN)/python -m pytest -n 2 --dist loadgroup --no-loadscope-reorder -m "not long"

test-long: $(READY) ## run the tests of further families, of spoiled inputs, and of the commands in all documents
	$(BIN)/python -m pytest -n 2 --dist loadgroup --no-loadscope-reorder -m long

test-part: $(READY) ## a part of the tests, which CI runs with other Pythons than 3.11
	$(BIN)/python -m pytest -n 2 --dist loadgroup tests/test_cli.py tests/base tests/rulebook tests/rewrite/statements \
	  tests/commands/test_scaffold.py tests/commands/test_wrong_usage.py tests/port/test_handwork.py

test-transformers4: $(READY) $(READY4) ## transformers 4: its TensorFlow classes load what pt-to-tf writes, its models are ported
	rm -rf build/transformers4
	$(BIN)/python tests/transformers4/write.py build/transformers4
	.venv4/bin/python tests/transformers4/read.py build/transformers4
	$(BIN)/python tests/transformers4/hub.py build/transformers4 .venv4/bin/python
	PORTER_HUB_CLIENT="$(CURDIR)/.venv4/bin/python" $(BIN)/python -m pytest -q tests/hub/test_pull_request.py
	.venv4/bin/python tests/transformers4/scaffold.py build/transformers4/scaffold
	.venv4/bin/python tests/transformers4/target.py build/transformers4/target

test-lowest: $(READY_LOWEST) ## a part of the tests with the lowest versions that pyproject.toml allows
	.venv-lowest/bin/python -m pytest -W ignore::DeprecationWarning -k "not quick" \
	  tests/test_cli.py tests/base/test_installed.py tests/ports/test_brand_new_bert.py

browser: ## install Debian's Chromium with apt-get, which needs root, unless there is a browser
	@command -v chromium || command -v google-chrome || { \
	  test "$$(id -u)" = 0 || { echo "There is no Chromium, and apt-get needs root: sudo make browser" >&2; exit 1; }; \
	  apt-get update --quiet && apt-get install --quiet --yes --no-install-recommends chromium; }

browser-test: $(READY) browser ## test the page that porter diff writes in a real browser
	$(BIN)/python -m pytest tests/diffcheck/test_reports.py -k browser

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
	$(FIND_PYTHON)
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet torch==2.13.0
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[test]'
	touch $@

# transformers 4 and 5 cannot be installed together.
$(READY4): constraints-transformers4.txt pyproject.toml
	$(FIND_PYTHON)
	$(PYTHON) -m venv .venv4
	.venv4/bin/python -m pip install --quiet torch==2.13.0
	.venv4/bin/python -m pip install --quiet -c constraints-transformers4.txt -e '.[torch,tools]' tf-keras
	touch $@

# pip chooses the newest of what constraints-lowest.txt does not hold.
$(READY_LOWEST): pyproject.toml constraints-lowest.txt
	$(FIND_PYTHON)
	$(PYTHON) -m venv .venv-lowest
	.venv-lowest/bin/python -m pip install --quiet -c constraints-lowest.txt -e '.[torch,tools]' pytest
	touch $@
