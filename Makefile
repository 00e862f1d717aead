# Two commands for newcomers: `make demo` and `make test`. Everything they need goes into .venv.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
SIDEBAR := $(wildcard $(addprefix labextension/,*.json *.py yarn.lock schema/* src/* style/*))

.PHONY: demo test screenshots lint clean

demo: .venv/.demo ## try it without a key: JupyterLab beside a small model on this machine (CHECK=1: no browser)
	$(BIN)/asksage-jupyter demo --notebook notebooks/01-quickstart.ipynb $(if $(CHECK),--check)

test: .venv/.test ## run every test
	$(BIN)/pytest --cov -n logical --maxprocesses 4 --dist loadfile

screenshots: .venv/.test ## take the README's pictures anew, in a real JupyterLab
	README_PICTURES=1 $(BIN)/pytest tests/test_browser.py tests/test_sidebar.py tests/test_explore_browser.py

lint: .venv/.test ## what a reviewer should not have to say
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed: install it, or run make PYTHON=/path/to/python3"; exit 1; }
	$(PYTHON) -m venv .venv

.venv/.demo .venv/.test: .venv/.%: pyproject.toml $(SIDEBAR) | .venv/bin/python
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --editable '.[$*]'
	touch $@

clean:
	rm -rf .venv build dist .coverage*
