SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# Another interpreter: make PYTHON=/path/to/python3.12 …
PYTHON ?= python3
BIN := .venv/bin
STAMPS := .stamps
STACK := $(BIN)/python -m devstack
MIGRATIONS := supabase/migrations
WEB := build/web/pages/manifest.json

# Of a storm: how many purchases, and which. make storm N=10000 SEED=7
N ?= 2000
SEED ?=

# Of a load: make load BUYERS=100 SECONDS=30
BUYERS ?= 500
SECONDS ?= 60

# Of the benchmark: how many entries and webhooks, and whether only to see that it works.
# make bench ROWS=1000000 WEBHOOKS=100000
QUICK ?=
ROWS ?=
WEBHOOKS ?=

# Of a release: make release VERSION=0.1.0
VERSION ?=

# As the template in sidecar/deploy has it.
LAMBDA_PYTHON ?= 3.13

# Part of a name is enough. A product under them could not be given on under ours.
REFUSED_LICENCES := GPL;GNU General;AGPL;SSPL;Commercial;UNKNOWN

# Of the proofs: which. make proofs ONLY="storm mutants"
ONLY ?=

# Hundreds of interpreters are started in a run: none compiles again what another has compiled.
unexport PYTHONDONTWRITEBYTECODE

# Only unpacked, for its tool: installed, it would begin to serve.
PROMETHEUS := build/prometheus/bin/promtool

DEBIAN_PACKAGES := postgresql-15 postgresql-15-pgtap postgresql-15-plpgsql-check postgresql-15-cron \
  redis-server chromium-headless-shell fonts-noto-cjk

.PHONY: help run up down status reset seed demo web test proofs mutants storm load bench check docs format \
  types lock licences package lambda image release clean

help: ## list the targets
	@if [ -t 1 ]; then bold=$$'\033[1m' plain=$$'\033[0m'; else bold= plain=; fi; \
	  awk -F ':.*## ' -v bold="$$bold" -v plain="$$plain" \
	  '/^[a-z][a-z-]*:.*## / { printf "  %s%-10s%s %s\n", bold, $$1, plain, $$2 }' Makefile

# ---- the browser's files ----

web: $(WEB) ## bundle the components and the pages into build/web

# ---- the local stack ----

run: $(STAMPS)/python $(STAMPS)/node $(WEB) ## start the stack and show its logs; Ctrl-C stops it, data stays
	@exec $(STACK) run

up: $(STAMPS)/python $(STAMPS)/node $(WEB) ## start the stack in the background
	@$(STACK) up

down: $(STAMPS)/python ## stop the stack; data stays
	@$(STACK) down

status: $(STAMPS)/python ## show each process of the stack and its health
	@$(STACK) status

reset: $(STAMPS)/python $(STAMPS)/node $(WEB) ## make a new database under the running stack: migrate, seed
	@$(STACK) reset

seed: $(STAMPS)/python $(STAMPS)/node $(WEB) ## a new database with a quarter of a lively shop, for the console
	@$(STACK) seed

demo: $(STAMPS)/python $(STAMPS)/node $(WEB) ## play the whole story against the stack, step by step
	@$(STACK) demo

# ---- what has to be green ----

test: $(STAMPS)/python $(STAMPS)/node $(WEB) $(STAMPS)/debian $(STAMPS)/prometheus ## every test: SQL, Python, end to end; twelve minutes on two cores
	$(BIN)/pytest -n 3 --dist worksteal

proofs: $(STAMPS)/python $(STAMPS)/node $(WEB) $(STAMPS)/debian $(STAMPS)/prometheus ## the long ones, with their figures; ONLY="storm load": these
	@$(BIN)/python -m tests.proofs $(ONLY)

mutants: $(STAMPS)/python $(STAMPS)/node ## break one rule at a time: does a test notice?
	@$(BIN)/python -m tests.mutants $(MUTANTS)

storm: $(STAMPS)/python $(STAMPS)/node ## N purchases while everything fails; SEED repeats one
	@$(BIN)/python -m tests.storm --purchases $(N) $(if $(SEED),--seed $(SEED))

load: $(STAMPS)/python $(STAMPS)/node ## BUYERS at once while the sidecars are restarted
	@$(BIN)/python -m tests.load.buyers --buyers $(BUYERS) --seconds $(SECONDS)

bench: $(STAMPS)/python $(STAMPS)/node ## what everything costs, beside its floor; QUICK=1: a little
	@$(BIN)/python -m tests.bench $(if $(QUICK),--quick) $(if $(ROWS),--rows $(ROWS)) \
	  $(if $(WEBHOOKS),--webhooks $(WEBHOOKS))

check: $(STAMPS)/python $(STAMPS)/node $(WEB) ## format, lint, types, SQL lints, Supabase advisors, schema
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy --strict sidecar/coinslot sidecar/simulators sidecar/devstack tests
	$(BIN)/lint-imports
	$(BIN)/python -m tests.docstrings
	$(BIN)/python -m tests.releases check
	$(BIN)/sqlfluff lint --disable-progress-bar $(MIGRATIONS) supabase/seed.sql sidecar/devstack
	node_modules/.bin/squawk $(MIGRATIONS)/*.sql
	$(BIN)/python -m tests.schemas check

docs: $(STAMPS)/python ## build the documentation into build/docs and check every link in it
	@$(BIN)/python -m tests.docs_site

format: $(STAMPS)/python ## format the Python code
	$(BIN)/ruff check --fix-only --quiet
	$(BIN)/ruff format

types: $(STAMPS)/python $(STAMPS)/node ## rewrite the database's TypeScript types that the tests compare
	$(BIN)/python -m tests.database_types

lock: $(STAMPS)/python ## bring the lock files in line with pyproject.toml and package.json
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --all-extras --generate-hashes \
	  --no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock' \
	  --output-file requirements.lock pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --extra redis --generate-hashes \
	  --no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock' \
	  --constraints requirements.lock --output-file requirements-runtime.lock pyproject.toml
	npm install --package-lock-only --silent

licences: $(STAMPS)/python ## list what the product is made of, with licences, in build/licences.md
	@mkdir -p build
	@$(BIN)/pip-licenses --from=mixed --format=markdown --with-urls --fail-on '$(REFUSED_LICENCES)' \
	  --partial-match --output-file build/licences.md \
	  --packages $$(sed -n 's/^\([a-z0-9.-]*\)==.*/\1/p' requirements-runtime.lock)

# ---- what is installed elsewhere ----

package: $(STAMPS)/python $(STAMPS)/node $(WEB) ## make the wheel, the source distribution and the npm package in dist/
	@rm -rf dist && $(BIN)/python -m hatchling build --directory dist
	@$(BIN)/python sidecar/deploy/npm_package.py dist

lambda: package ## make dist/lambda, the folder that is a function of AWS Lambda's
	@$(BIN)/uv pip install --quiet --target dist/lambda --python-version $(LAMBDA_PYTHON) \
	  --python-platform x86_64-manylinux2014 --require-hashes --only-binary :all: \
	  --requirements requirements-runtime.lock
	@$(BIN)/uv pip install --quiet --target dist/lambda --python-version $(LAMBDA_PYTHON) --no-deps dist/*.whl
	@rm -rf dist/lambda/bin
	@# A function's folder cannot be written, and a zip rounds times: bytecode that looks at no source.
	@if python$(LAMBDA_PYTHON) -c '' 2>/dev/null; then \
	  python$(LAMBDA_PYTHON) -m compileall -q --invalidation-mode unchecked-hash dist/lambda; \
	else \
	  echo 'no python$(LAMBDA_PYTHON) here to compile with: each process of the function compiles' \
	    'everything before its first answer, which takes seconds' >&2; \
	fi
	@du -sh dist/lambda

image: $(STAMPS)/python $(STAMPS)/node $(WEB) ## build the container image without a daemon and run it; for root, from a base made here
	@$(BIN)/python -m tests.image

release: $(STAMPS)/python ## make VERSION of this checkout: its migrations never change again
	$(BIN)/python -m tests.releases freeze $(VERSION)

clean: ## stop the stack; delete its data and everything that was installed
	@if [ -x $(BIN)/python ] && [ -d .devstack ]; then $(STACK) delete; fi
	rm -rf dist build .venv node_modules $(STAMPS) .devstack .devstack-test .bench
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info .cache

# ---- what the targets need: installed once, and again when a lock file changes ----

$(STAMPS)/python: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo 'Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11 …' >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip' \
	  || { echo 'Python comes without venv here: install the package python3-venv' >&2; exit 1; }
	@echo 'installing Python packages into .venv'
	@$(PYTHON) -m venv .venv
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/node: package-lock.json package.json .npmrc
	@command -v npm >/dev/null \
	  || { echo 'npm is missing: install Node.js 20 or newer, which brings it' >&2; exit 1; }
	@echo 'installing Node packages into node_modules'
	@npm ci --silent
	@mkdir -p $(STAMPS) && touch $@

# What the sidecar serves and apps copy: made again when a source has changed.
$(WEB): $(STAMPS)/node $(shell find sidecar/web -type f)
	@node sidecar/web/build.mjs

$(STAMPS)/prometheus:
	@mkdir -p $(STAMPS) build/prometheus; \
	if [ ! -x $(PROMETHEUS) ]; then \
	  echo 'unpacking prometheus'; \
	  (cd build/prometheus && apt-get download -qq prometheus >/dev/null 2>&1 \
	    && dpkg-deb --extract prometheus_*.deb unpacked && mv unpacked/usr/bin . \
	    && rm -rf unpacked prometheus_*.deb) \
	  || echo 'could not unpack prometheus: tests of the alerts are skipped' >&2; \
	fi; \
	if [ -x $(PROMETHEUS) ]; then touch $@; fi

# Debian's Postgres 15, the older end of what Supabase hosts, and its Chromium, with a font for
# Korean. Tests that need them say so where they could not be installed; on CI they fail.
$(STAMPS)/debian:
	@if dpkg --status $(DEBIAN_PACKAGES) >/dev/null 2>&1; then \
	  mkdir -p $(STAMPS) && touch $@; \
	elif command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
	  echo 'installing $(DEBIAN_PACKAGES)'; \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y \
	    --no-install-recommends $(DEBIAN_PACKAGES) </dev/null >/dev/null \
	    && mkdir -p $(STAMPS) && touch $@ \
	    || echo 'could not install $(DEBIAN_PACKAGES): tests on Postgres 15 or in a browser are skipped' >&2; \
	else \
	  echo 'only root can install $(DEBIAN_PACKAGES): tests on Postgres 15 or in a browser are skipped' >&2; \
	fi
