# Everything that is done with the source tree. On a fresh Debian or Ubuntu: python3 (3.11 or newer),
# python3-venv and make are enough.
#
#   make demo            watch policybot at work on a private homeserver (ONCE=1: end afterwards)
#   make test            set everything up and run all tests
#   make lint            style, types, layers
#   make bench           measure speed and memory
#   make docs            write the pages that are made from the code
#   make lock            renew the locked requirements
#   make clean           remove what the others made

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
NPM := PATH="$(CURDIR)/$(BIN):$$PATH" npm
INSTALL := VIRTUAL_ENV=$(VENV) $(UV) pip install --quiet --require-hashes
COMPILE := $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-header --no-annotate

# Tests start Synapse and policybot dozens of times, and each would compile all of its modules again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test lint bench docs lock clean

demo: $(VENV)/demo
	@$(BIN)/policybot demo $(if $(ONCE),--once)

# In the order of their names: the longest files, on a real Synapse, come first and none of them last.
test: $(VENV)/dev
	@$(BIN)/python -m pytest -n logical --dist loadfile --no-loadscope-reorder $(ARGS)

lint: $(VENV)/dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/dev
	@for name in transactions decisions documents start roster lookup lists oidc register console rooms publishing answers rules ladder gate_callback gate_memory gate gate_load; do \
		$(BIN)/python -W ignore -m tests.benchmarks.$$name || exit 1; done

docs: $(VENV)/dev
	@$(BIN)/python -m policybot commands > docs/commands.md

lock: $(VENV)/uv
	$(COMPILE) requirements/uv.in -o requirements/uv.txt
	$(COMPILE) requirements/build.in -o requirements/build.txt
	$(COMPILE) pyproject.toml -o requirements/runtime.txt
	$(COMPILE) requirements/gate.in -c requirements/runtime.txt -o requirements/gate.txt
	$(COMPILE) pyproject.toml --extra demo -c requirements/runtime.txt -o requirements/demo.txt
	$(COMPILE) pyproject.toml --extra demo --group dev -c requirements/demo.txt -o requirements/dev.txt
	cd tests/node && $(NPM) update --package-lock-only

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache tests/node/node_modules

$(VENV)/uv: requirements/uv.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo 'Python 3.11 or newer is needed; name it with: make PYTHON=python3.12 …'; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo "Python's venv module is missing; on Debian and Ubuntu: apt install python3-venv"; exit 1; }
	@echo 'Setting up .venv'
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
	@touch $@

$(VENV)/build: $(VENV)/uv requirements/build.txt pyproject.toml
	@$(INSTALL) -r requirements/build.txt
	@VIRTUAL_ENV=$(VENV) $(UV) pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/demo: $(VENV)/build requirements/demo.txt
	@echo 'Installing what the demo needs'
	@$(INSTALL) -r requirements/demo.txt
	@touch $@

$(VENV)/dev: $(VENV)/build requirements/dev.txt tests/node/package-lock.json
	@echo 'Installing what the tests need'
	@$(INSTALL) -r requirements/dev.txt
	@cd tests/node && $(NPM) ci --loglevel=error
	@touch $@ $(VENV)/demo
