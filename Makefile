# Each target sets up what it needs; a second call installs nothing again.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
HOME_ENV := DAGSTER_HOME=$(CURDIR)
PORT ?= 3000

.PHONY: run test ui review check docs setup flow screenshot clean

run: setup
	$(HOME_ENV) $(BIN)/codelewm-assets build

test: setup
	$(BIN)/python -m pytest $(ARGS)

ui: setup
	$(HOME_ENV) $(BIN)/python -m codelewm_assets.instance.web_server --with-daemon --port $(PORT) $(ARGS)

review: setup
	$(HOME_ENV) $(BIN)/python -m codelewm_assets.instance.web_server --read-only --port $(PORT) $(ARGS)

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy codelewm_assets codelewm_assets_docs
	$(BIN)/lint-imports

docs: setup
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build

setup: $(READY)

# The reviewed text file of the graph, and the register's tables in docs/claims.md; the tests compare them, this target writes them.
flow: setup
	$(BIN)/python -m codelewm_assets_tests.defs.data_flow > codelewm_assets_tests/data_flow.txt
	$(BIN)/python -m codelewm_assets_tests.claims.register_tables

screenshot: setup
	$(HOME_ENV) $(BIN)/python docs/screenshots/take.py

clean:
	rm -rf artifacts work .dagster logs .logs_queue

$(READY): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[ui,hub,ray,s3,postgres,kubernetes,tensorboard,docs,dev]"
	touch $(READY)
