# make demo | test | check | bench    Everything goes into .venv; nothing needs root.
PYTHON ?= python3
BIN := .venv/bin
RUN := .make/run
DEV := .make/dev

.PHONY: demo test check bench lock clean

demo: $(RUN)
	$(BIN)/palabs demo

test: $(DEV)
	$(BIN)/pytest -n auto -q

check: $(DEV)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/python tools/check_imports.py

bench: $(DEV)
	$(BIN)/python bench/run.py

lock:
	requirements/lock.sh

clean:
	rm -rf .venv .make build dist

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Confide needs Python 3.11 or newer: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 2; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { echo "This Python has no venv module. On Debian or Ubuntu: apt install python3-venv"; exit 2; }
	$(PYTHON) -m venv .venv

$(RUN): requirements/run.txt pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/run.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@mkdir -p .make && touch $@

$(DEV): requirements/dev.txt $(RUN)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@
