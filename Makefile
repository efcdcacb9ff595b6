# Chatsite. `make` lists the targets.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

export HOST ?= 127.0.0.1
export PORT ?= 8000
# Tests start many processes: without it, each would compile everything again.
unexport PYTHONDONTWRITEBYTECODE
ARGS ?=
# Tests wait about as much as they work: more processes than the two cores of CI.
WORKERS ?= 4

BIN := .venv/bin
STATIC := $(or $(STATIC_ROOT),var/static)
# Directories are listed too: a deleted file changes its directory's time.
STATIC_SOURCES := $(shell find static chat/pages/finders.py chatsite/settings.py 2>/dev/null)

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-12s %s\n", $$1, $$2}'

# Using it ---------------------------------------------------------------------

.PHONY: install
install: .venv/.installed node_modules/.installed ## Make .venv and node_modules (again only when requirements change)

.PHONY: run
run: install $(STATIC)/.collected ## Serve on HOST:PORT (127.0.0.1:8000)
	@exec scripts/serve

.PHONY: cluster
cluster: install $(STATIC)/.collected ## The same as it is deployed: nginx, PostgreSQL, Redis, two web, two runners; Ctrl-C ends it
	@scripts/test-system servers
	@exec $(BIN)/python -m scripts.cluster

.PHONY: clean
clean: ## Remove what install, run and the checkers made, except the data in var/
	rm -rf .venv node_modules var/static .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -prune -exec rm -rf {} +

# Working on it ----------------------------------------------------------------

.PHONY: test
test: install ## Run the tests; ARGS= goes to pytest, e.g. ARGS="-k resume -x"
	@scripts/test-system
	@scripts/with-services $(BIN)/python -m pytest -n $(WORKERS) $(ARGS)

.PHONY: lint
lint: install ## Check style, types, scripts and the lock file
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/shellcheck .ci/run $(filter-out %.py %/__pycache__,$(wildcard scripts/*))
	scripts/check-js

.PHONY: format
format: install ## Format the code and fix what can be fixed
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

.PHONY: bench
bench: install ## Measure streams, the local engine and a cluster (docs/benchmarks.md)
	$(BIN)/python -m bench.streams
	$(BIN)/python -m bench.compare
	$(BIN)/python manage.py benchmark_engine --docs ""
	$(BIN)/python -m bench.cluster

.PHONY: train-demo
train-demo: install ## Train the demo model again, from the texts in demo/
	$(BIN)/python -m demo.train

.PHONY: messages
messages: install ## Collect texts into locale/ and compile the translations
	@command -v msgfmt >/dev/null || scripts/system-packages gettext
	$(BIN)/python manage.py makemessages --all --no-location --no-wrap --ignore .venv --ignore node_modules
	$(BIN)/python manage.py compilemessages --ignore .venv --ignore node_modules

.PHONY: screenshots
screenshots: install ## Take the pictures of the documentation again
	$(BIN)/python -m scripts.screenshots

.PHONY: lock
lock: install ## Pin the indirect requirements in constraints.txt
	$(BIN)/python scripts/lock.py

# Files ------------------------------------------------------------------------

.venv/.installed: requirements.txt requirements-dev.txt requirements-tracing.txt requirements-images.txt requirements-s3.txt constraints.txt scripts/venv
	@scripts/venv
	@echo "Installing Python packages"
	@$(BIN)/python -m pip install --quiet -r requirements.txt -r requirements-dev.txt
	@touch $@

node_modules/.installed: package.json package-lock.json .npmrc | .venv/.installed
	@echo "Installing browser packages"
	@scripts/with-node npm ci --ignore-scripts --silent
	@touch $@

$(STATIC)/.collected: .venv/.installed node_modules/.installed $(STATIC_SOURCES)
	@SECRET_KEY=only-for-collecting $(BIN)/python manage.py collectstatic --no-input --clear --verbosity 0
	@touch $@
