SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
BIN := .venv/bin
STAMPS := .stamps

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## / { printf "  \033[1m%-10s\033[0m %s\n", $$1, $$2 }' Makefile

# ---- what the targets need, installed once and again when a lock file changes ----

$(STAMPS):
	@mkdir -p $@

$(STAMPS)/python: requirements.lock | $(STAMPS)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo 'Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11' >&2; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@touch $@

$(STAMPS)/node: package-lock.json package.json .npmrc | $(STAMPS)
	@command -v npm >/dev/null \
	  || { echo 'npm is missing: install Node.js 20 or newer (it brings npm)' >&2; exit 1; }
	npm ci --silent
	@touch $@
