# Quarterdeck: the ways to run it and to work on it. `make help` lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help run down purge demo test check format bench screenshots venv lock

help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(VENV)/.installed ## set this machine up, run the example and open the console
	@$(BIN)/quarterdeck up

down: $(VENV)/.installed ## stop and remove what `make run` started and made; the state stays
	@$(BIN)/quarterdeck down

purge: $(VENV)/.installed ## `make down`, then delete the state too
	@$(BIN)/quarterdeck purge

demo: $(VENV)/.installed ## the console on simulated nodes; needs no rights and no engine
	@$(BIN)/quarterdeck demo

test: venv ## install what the tests need and run all of them
	@$(BIN)/python -m tests.run

check: venv ## format, lint, types and import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: venv ## format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: venv ## measure against the floor, Docker Swarm and the goals
	$(BIN)/python -m tests.bench

screenshots: venv ## draw the pictures of the README from a running cluster (needs root)
	$(BIN)/python -m tests.gallery

venv: $(VENV)/.ready ## make the virtual environment with all that development needs

lock: ## renew the lock files from pyproject.toml (needs uv)
	uv pip compile --quiet --generate-hashes --no-header --no-emit-index-url --python-version 3.11 pyproject.toml -o requirements.lock
	uv pip compile --quiet --generate-hashes --no-header --no-emit-index-url --python-version 3.11 pyproject.toml --group dev -o requirements-dev.lock

# What running needs; what development needs comes on top of it. Each is renewed when its lock file changes.
$(VENV)/.installed: pyproject.toml requirements.lock
	@PYTHON='$(PYTHON)' sh console/setup/venv.sh '$(VENV)'
	@echo '-- install Quarterdeck and the packages in requirements.lock into $(VENV)'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

$(VENV)/.ready: $(VENV)/.installed requirements-dev.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@
