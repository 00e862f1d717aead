# Two commands for newcomers: `make demo` and `make test`. Everything they need goes into .venv.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --disable-pip-version-check
SIDEBAR := $(wildcard $(addprefix labextension/,*.json *.py yarn.lock .yarnrc.yml schema/* src/* src/*/* style/*))

.DEFAULT_GOAL := help
.PHONY: help demo test quick coverage bench docs lowest focus together sidebar screenshots lint clean

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

demo: .venv/.demo ## try it without a key: JupyterLab beside a small model on this machine (CHECK=1: no browser)
	$(BIN)/asksage-jupyter demo $(if $(CHECK),--check)

# Three workers, also on two cores: tests of programs wait, half of the time, for them or for the disk.
PYTEST := $(BIN)/pytest -n 3 --dist loadfile --no-loadscope-reorder

# One of some thousands of tests with kernels, browsers and servers is late on a busy machine now and then: what
# fails is run once more, and named at the end.
test: .venv/.test ## run every test
	$(PYTEST) --reruns 1 -rfER

quick: .venv/.test ## run what needs no browser, no server and no long proof, while you work
	$(PYTEST) --quick

coverage: .venv/.test ## run every test, and tell which lines none of them runs
	$(PYTEST) --cov

# The peers stand in an environment of their own: nobody needs them to work on this.
bench: .bench/.ready ## measure it beside what people would use instead, into benchmarks/RESULTS.md (NAME=tokens: one)
	.bench/bin/python benchmarks $(NAME)

.bench/.ready: pyproject.toml benchmarks/peers.txt
	$(PYTHON) -m venv .bench
	.bench/bin/python -m pip install --disable-pip-version-check --quiet --upgrade 'pip>=24.2'
	SKIP_JUPYTER_BUILDER=1 .bench/bin/python -m pip install --disable-pip-version-check --quiet \
		--requirement benchmarks/peers.txt --editable '.[test]'
	$(PYTHON) -m venv .bench/asksage_jupyter && SKIP_JUPYTER_BUILDER=1 .bench/asksage_jupyter/bin/python -m pip install \
		--disable-pip-version-check --quiet --editable . jupyterlab
	for peer in jupyter_ai_magics jupyter_ai_magic_commands; do \
		$(PYTHON) -m venv .bench/$$peer && .bench/$$peer/bin/python -m pip install --disable-pip-version-check --quiet \
			$$peer langchain-openai ipython || true; done
	@touch $@

sidebar: .venv/.pip ## build the JupyterLab sidebar again, where the demo had to do without it
	ASKSAGE_SIDEBAR=required $(PIP) --no-deps --editable .

docs: .venv/.docs ## build the documentation into build/docs, without a network
	$(BIN)/sphinx-build --fail-on-warning --keep-going --quiet docs build/docs
	@echo "Open build/docs/index.html in a browser."

screenshots: .venv/.test ## take the pictures of README and docs anew, in a real JupyterLab
	DOCS_PICTURES=1 $(BIN)/pytest tests/test_browser.py tests/test_sidebar.py tests/test_explore_browser.py tests/test_prompt.py tests/test_map_browser.py \
		tests/test_records_browser.py tests/test_meter_browser.py tests/test_surfaces.py

# What pandas 2 itself warns of, and reads into another storage than pandas 3, is its own; the demo is not installed.
lowest: ## the tests of ledger, session, usage log and service on the oldest versions that pyproject.toml allows
	$(PYTHON) -m venv --clear .lowest
	$(PYTHON) tests/lowest.py > .lowest/requirements.txt
	.lowest/bin/pip install --disable-pip-version-check --quiet --requirement .lowest/requirements.txt
	SKIP_JUPYTER_BUILDER=1 .lowest/bin/pip install --disable-pip-version-check --quiet --no-deps --editable .
	.lowest/bin/pytest -W 'ignore:The default of observed=False:FutureWarning' \
		--deselect tests/test_usage_accessor.py::test_parquet_comes_back_as_it_was_with_its_units \
		--deselect tests/test_reconcile.py::test_the_demo_agrees_when_it_is_asked \
		--deselect tests/test_reconcile.py::test_a_plugins_call_on_the_demo_is_settled_by_itself_and_told \
		$(addprefix tests/test_,$(addsuffix .py,ledger ledger_address ledger_file ledger_postgres ledger_view month \
		outbox pool presume rates reconcile round_trips service service_auth service_stream session settling \
		statement team team_rules usage_accessor usage_log))

focus: ## the official validators of FOCUS, for tests/test_focus.py; the one of 1.2 needs Python 3.12
	$(PYTHON) -m venv --clear .focus/1.0
	.focus/1.0/bin/pip install --disable-pip-version-check --quiet 'focus-validator==1.0.0' 'multimethod<2'
	python3.12 -m venv --clear .focus/1.2
	.focus/1.2/bin/pip install --disable-pip-version-check --quiet 'focus-validator==2.2.1' 'pyarrow<22'

together: ## JupyterLab with jupyter-collaboration, for tests/test_together.py: two people in one notebook
	$(PYTHON) -m venv --clear .together
	ASKSAGE_SIDEBAR=required .together/bin/pip install --disable-pip-version-check --quiet --editable '.[test]' \
		'jupyter-collaboration>=5,<6'

lint: .venv/.test ## what a reviewer should not have to say
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

# A pip before 24.2 does not trust whom the machine trusts, and is told of them once, to be replaced.
.venv/.pip:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed: install it, or run make PYTHON=/path/to/python3"; exit 1; }
	$(PYTHON) -m venv .venv
	@$(PIP) --quiet --retries 0 --upgrade 'pip>=24.2' 2>/dev/null || \
		PIP_CERT=$$($(BIN)/python -c 'import ssl; told = ssl.get_default_verify_paths(); print(told.cafile or told.capath or "")') \
		$(PIP) --quiet --upgrade 'pip>=24.2'
	@touch $@

# The demo does without the sidebar where it cannot be built; the tests do not.
.venv/.test: export ASKSAGE_SIDEBAR = required

.venv/.demo .venv/.docs .venv/.test: .venv/.%: pyproject.toml $(SIDEBAR) | .venv/.pip
	@echo "Installing what make $* needs into .venv: about two minutes the first time."
	@date +%s > .venv/.began
	$(PIP) --editable '.[$*]'
	@echo "Installed in $$(( $$(date +%s) - $$(cat .venv/.began) )) s."
	@touch $@

clean: ## what make made; not demo/, where your copy of the quickstart is
	rm -rf .venv .lowest .bench .focus .together build dist .coverage* $(addprefix labextension/,node_modules lib bundle no-sidebar.txt tsconfig.tsbuildinfo \
		.yarn test/node_modules test/.yarn)
