# The targets are the ones that continuous integration calls. `make help` lists them.
SHELL := /bin/sh
PYTHON ?= python3
BIN := .venv/bin
DEMO := demo
# Processes that run tests, each with a lab of its own; 0 runs all of them in one (ADR 0018).
WORKERS ?= 2
PYTEST := $(BIN)/pytest -n $(WORKERS) --dist worksteal

.DEFAULT_GOAL := help
.PHONY: help setup lock fix lint unit e2e test demo engine clean soak bench oracle guards shape docs kills chaos programs fuzz

help: ## show the targets
	@grep -E '^[a-z0-9]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

setup: .venv/.done ## .venv with clusterctl in it (installs python3-venv on Debian as root if it is missing)

.venv/.done: pyproject.toml requirements.txt
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "setup: this Python has no venv; installing python3-venv by apt-get" >&2; \
	  apt-get update -q >/dev/null && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends python3-venv >/dev/null; }
	@echo "setup: making .venv and installing what requirements.txt pins" >&2
	@$(PYTHON) -m venv --clear .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

lock: ## write requirements.txt anew from pyproject.toml (hashes, no addresses)
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate \
	  --custom-compile-command "make lock" --group dev pyproject.toml -o requirements.txt

fix: setup ## format, and mend what can be mended by machine
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lint: setup ## formatting, ruff, mypy --strict, import rules, shellcheck
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/shellcheck -s sh $$(find clusterctl -name '*.sh')

unit: setup ## unit tests and properties, no hosts (a minute)
	$(PYTEST)

soak: setup ## many rollouts killed and recovered (CLUSTERCTL_ROLLOUTS, CLUSTERCTL_KILLS), or nights (CLUSTERCTL_NIGHTS)
	nice $(BIN)/python -m tests.soak

kills: setup engine ## ten applies, reboots and updates of five hosts, killed at random moments (an hour)
	CLUSTERCTL_KILLS=10 $(BIN)/pytest --timeout 7200 --session-timeout 21600 -m e2e -k at_random_moments

chaos: setup engine ## random faults in a lab, with applies, reboots and failover all the while (CLUSTERCTL_MINUTES)
	$(BIN)/python -m tests.e2e.chaos

fuzz: setup engine ## hostile words through systemd and docker in a lab, damaged files through the parsers (CLUSTERCTL_CASES, CLUSTERCTL_EXAMPLES)
	nice $(BIN)/python -m tests.words

docs: setup ## write anew what is made from the code: the manual page, tables of docs/cli.md and docs/compose-support.md
	$(BIN)/python -m tests.manual
	$(BIN)/python -m tests.reference
	$(BIN)/python -m tests.test_docs

shape: setup ## how long functions and files are: median, p90, files of more than 250 lines
	@$(BIN)/python -m tests.shape

guards: setup ## take each guard out on purpose, in a copy, and see its tests fail
	nice $(BIN)/python -m tests.guards

bench: setup ## how long planning takes on 1,000 hosts with 10,000 instances, and how good it is (a minute)
	$(BIN)/python -m tests.bench
	$(BIN)/python -m tests.bench_places
	$(BIN)/python -m tests.bench_places 100 1000

oracle: setup ## failover of small full fleets against the proven maximum (a minute)
	nice $(BIN)/python -m tests.oracle

engine: setup
	@$(BIN)/clusterctl lab engine --install

programs: engine
	@$(BIN)/python -m tests.e2e.tools

e2e: setup engine programs ## end-to-end tests in a lab of real hosts
	$(PYTEST) -m e2e

test: setup engine programs ## unit and end-to-end tests
	$(PYTEST) -m "e2e or not e2e"

demo: setup engine ## a lab of 3 hosts, a playbook applied to it, and an answer from the service
	@PATH="$$PWD/$(BIN):$$PATH"; set -e; \
	step() { printf '\n== %s\n' "$$1"; shift; echo "$$ $$*"; "$$@"; }; \
	step "a lab of three hosts" clusterctl lab up --hosts 3 --name $(DEMO); \
	CLUSTERCTL_INVENTORY=$$(clusterctl lab status --name $(DEMO) -o json | python -c 'import json, sys; print(json.load(sys.stdin)["inventory"])'); \
	export CLUSTERCTL_INVENTORY; \
	step "what would be done" clusterctl plan playbooks/hello.yaml; \
	step "do it" clusterctl apply playbooks/hello.yaml --yes; \
	step "hosts and services" clusterctl status; \
	step "every container" clusterctl ps; \
	step "the service answers" clusterctl exec all -- curl -sS --fail http://127.0.0.1:8080/; \
	printf '\nThe lab stays up. Go on with:\n'; \
	printf '  export CLUSTERCTL_INVENTORY=%s PATH=%s:$$PATH\n' "$$CLUSTERCTL_INVENTORY" "$$PWD/$(BIN)"; \
	printf '  clusterctl logs hello -f\n  clusterctl lab down --name $(DEMO)      # ends it, leaves nothing behind\n'

clean: ## remove .venv and caches
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist
