# Everything runs from .venv, which is made from requirements.lock on first use.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

.PHONY: run test setup lint bench lock browser

run: setup
	@$(BIN)/python -m demo.run

test: setup browser
	$(BIN)/python -m pytest -n auto

setup: $(READY)

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Wald needs Python 3.11 or newer; " + sys.executable + " is " + sys.version.split()[0] + ". Name another with: make PYTHON=...") if sys.version_info < (3, 11) else None'
	@echo "Installing into .venv (a minute or two, once)"
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation --no-index -e .
	@touch $@

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: setup
	$(BIN)/python -m bench $(ONLY)

browser: setup
	@$(BIN)/python -m tests.browser

# Versions with hashes and no download address: the index stays each machine's own choice.
lock: setup
	$(BIN)/uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 --generate-hashes --no-header --upgrade --quiet -o requirements.lock
	$(BIN)/uv pip compile pyproject.toml --extra ingest -c requirements.lock --universal --python-version 3.11 --generate-hashes --no-header --upgrade --quiet -o ingest/requirements.txt
