# Everything a person starts by hand. Needs make and Python 3.11, nothing else; `make` alone lists the targets.

# The first of these that is a Python 3.11 with venv; name another with make PYTHON=...
PYTHON ?= $(or $(shell for p in python3 python3.11; do \
	$$p -c 'import sys, ensurepip; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null && echo $$p && break; \
	done),python3)
ENVS := $(if $(PIPELINE_ENVS),$(PIPELINE_ENVS),.envs)
REGION ?= sample
# For one part of the tests: make test TESTS=tests/tasks/tile ARGS=-x
TESTS ?= tests
ARGS ?=
# Of the benchmark: ingestion, terrain, tiles, augmentation; all where none is named.
PARTS ?=

.DEFAULT_GOAL := help
.PHONY: help envs demo up down status check test bench locks clean

help:  ## List the targets
	@sed -nE 's/^([a-z]+):.*## (.*)/  make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{printf "%-16s %s\n", $$1, $$2}'
	@echo; echo "  REGION=name chooses the demo's region: sample (default), alum-rock, balakot, briones-valley."

envs:  ## Create the environments under .envs, or bring them up to date
	@$(PYTHON) infra/local/environments.py build

demo: envs  ## Run the whole pipeline on one region, from elevation to served model and map
	@$(PYTHON) -m infra.local.demo $(REGION)

up: envs  ## Start the stack: object storage, sample services, data-quality pages, model server, Airflow
	@$(PYTHON) -m infra.local up

down:  ## Stop the stack; its data stays
	@$(PYTHON) -m infra.local down

status:  ## Show what runs, where, and since when
	@$(PYTHON) -m infra.local status || true

check: envs  ## Lint and type-check
	@$(ENVS)/check/bin/ruff check . && $(ENVS)/check/bin/mypy

test: envs  ## Run the tests, each in the environment it belongs to
	@$(PYTHON) -m infra.local.suites $(TESTS) -- $(ARGS)

bench: envs  ## Measure speed and memory; writes docs/benchmarks.md. PARTS=tiles for one part
	@$(ENVS)/terrain/bin/python -m infra.bench $(PARTS)

locks:  ## Resolve docker/*/requirements.in again; commit the result
	@$(PYTHON) infra/local/environments.py lock

clean: down  ## Stop the stack and remove its data and all environments
	@rm -rf "$(if $(PIPELINE_LOCAL),$(PIPELINE_LOCAL),.local)" "$(ENVS)"
