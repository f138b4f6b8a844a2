.DEFAULT_GOAL := help
SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
export SAM_CLI_TELEMETRY := 0
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Without compiled modules each of the several hundred processes of the tests compiles its own anew.
unexport PYTHONDONTWRITEBYTECODE

# make PYTHON=/path/to/python3.11 names one; else it is looked for.
new_venv = python=$$(PYTHON="$(PYTHON)" sh src/find-python.sh ensurepip) && "$$python" -m venv --clear

# Makes the folder of a target with what a file locks. uv takes seconds where pip takes a minute;
# where uv does not find the packages, pip does, by the indexes that its own settings name.
define from_locked
	@$(new_venv) $(@D)
	@$(@D)/bin/python -m pip install --quiet --no-compile --require-hashes --requirement requirements/uv.txt
	@locked="--quiet --no-deps --require-hashes --requirement $<" && { \
		$(@D)/bin/uv pip install --python $(@D)/bin/python $$locked 2>/dev/null \
		|| $(@D)/bin/python -m pip install --no-compile $$locked; }
	@touch $@
endef

# What a long target does now, and after how many seconds.
export STARTED := $(shell date +%s)
stage = @printf '%4d s  %s\n' $$(($$(date +%s) - $(STARTED)))
# Whatever its tests and the tools that they call leave behind is gone with this folder.
in_own_tmp = folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && TMPDIR="$$folder"

.PHONY: audit bench build check check-security clean collected coverage dbt demo docs fix fuzz help install kept licences lint lock pictures pr reference test test-chaos test-fast test-histories test-random test-rights test-ui test-upgrade types

##@ Two commands
demo: install ## Run the whole lake on this machine, from upload to query; KEEP=1 leaves it up
	@python -m lake.demo $(if $(KEEP),--keep)

# Four workers on two processors, since those with a lake wait most of the time. What several of
# them are going to need is made while the code is checked.
test: install ## Check the code and run every test
	$(stage) "Checking the code: format, lint, types, imports, template…"
	@$(MAKE) --no-print-directory --jobs 3 check kept collected
	$(stage) "Running the tests, four at a time; a line says when all of a folder have run…"
	@$(in_own_tmp) pytest -q -n 4 -p tests.support.stages
	$(stage) "All is well."

##@ Development
install: $(VENV)/installed ## Make .venv from the locked requirements

# Not compiled: much of it is never imported, and what is, is compiled then.
$(VENV)/locked: requirements/dev.txt
	$(stage) "Making $(VENV)…"
	$(from_locked)

$(VENV)/installed: $(VENV)/locked pyproject.toml
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

# What needs neither a lake nor the network, and no random search that takes long.
FAST := tests/unit tests/models tests/contracts tests/template tests/docs/test_links.py $(patsubst %,tests/engine/test_%.py,casts detect dialect formats)
SLOW := tests/contracts/test_schema_test_suite.py tests/models/test_dates.py tests/unit/test_house.py
test-fast: install ## The quick tests: below a minute, without a lake
	@$(in_own_tmp) pytest -q -n 4 $(FAST) $(SLOW:%=--ignore=%) -k "not both_ways and not random and not agree"

pr: install ## What a pull request must pass: check, test-fast and the site of the documentation
	$(stage) "Checking the code…"
	@$(MAKE) --no-print-directory check
	$(stage) "Running the quick tests…"
	@$(MAKE) --no-print-directory test-fast
	$(stage) "Making the documentation…"
	@$(MAKE) --no-print-directory docs
	$(stage) "All is well. \`make test\` runs every test."

check: lint types ## Format, lint, types, imports, template; changes nothing

lint: install ## Format, lint, imports, template
	@ruff format --check --quiet . && ruff check --quiet .
	@PYTHONPATH=src:. lint-imports --no-cache --no-logo >/dev/null || PYTHONPATH=src:. lint-imports --no-cache
	@cfn-lint template.yaml examples/dbt/permissions.yaml examples/key/key.yaml

types: install ## Types alone: most of the time of check
	@mypy

fix: install ## Format the code and mend what can be mended; edits files
	@ruff check --fix --quiet . ; ruff format .

build: install ## Build the function as sam deploys it
	@sam build

kept: install
	@LAKE_ARCHITECTURE=$(if $(filter aarch64 arm64,$(shell uname -m)),arm64,x86_64) $(MAKE) --silent --no-print-directory -C src kept

# Python compiles what the tests import: once, where the workers of the tests did it each for itself.
collected: install
	@found=$$(pytest -q --collect-only 2>&1) || { echo "$$found"; exit 1; }

clean: ## Remove what the other targets made
	@if [ -x $(BIN)/lake ]; then for unset in "" "-u LAKE_STATE_DIR"; do env $$unset $(BIN)/lake down --yes >/dev/null 2>&1 || true; done; fi
	@if [ -e .lake ]; then echo ".lake was kept: it holds what no local lake made, or what could not be removed" >&2; fi
	@rm -rf $(VENV) .venv-security .venv-bench .venv-docs site .venv-dbt .venv-audit examples/dbt/target examples/dbt/logs .aws-sam .pytest_cache .mypy_cache .ruff_cache .hypothesis .fuzz .coverage *.egg-info build

help: ## Show this
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

##@ Longer tests
coverage: install ## Run every test and tell what they leave out; takes half as long again
	@$(in_own_tmp) pytest -q -n 4 --cov --cov-report=
	@coverage report --omit='localaws/*' --skip-covered --fail-under=80
	@coverage report --include='localaws/*' --skip-covered --fail-under=80

test-histories: install ## Random histories against an oracle; EXAMPLES=5000 says how many
	@$(in_own_tmp) EXAMPLES=$(or $(EXAMPLES),5000) pytest -q tests/histories

test-random: install ## Every test that draws by chance; EXAMPLES=500 says how often
	@$(in_own_tmp) EXAMPLES=$(or $(EXAMPLES),500) pytest -q -n 4 $$(grep -rl --include='test_*.py' 'tests.support.chance import' tests)

test-ui: install ## The console in headless Chromium, with axe-core; PICTURES=1 takes those of the docs
	@$(in_own_tmp) PICTURES=$(PICTURES) pytest -q -m chaos tests/chaos/test_ui_in_a_browser.py

test-chaos: install dbt ## What takes minutes: a burst, killed workers, two lakes, dbt, the other architecture
	@$(in_own_tmp) pytest -q -m chaos

test-upgrade: install ## Older versions, deployed with data, become this one; FROM="COMMIT…" says which
	@$(in_own_tmp) FROM="$(FROM)" pytest -q -m upgrade tests/upgrade

test-rights: install ## Take each right from the roles of a lake on this machine; writes docs/reference/rights.md
	@python -m tests.rights

fuzz: install ## Read files that chance has spoiled: each must end in a verdict; SECONDS=600 says how long
	@nice -n 10 python -m tests.engine.fuzz --seconds $(or $(SECONDS),600) --first $(or $(FIRST),$$(date +%s)000)

check-security: install .venv-security/installed ## cfn-lint, cfn-guard, checkov and cdk-nag judge the template; each finding needs a waiver (minutes)
	@python -m tests.security

.venv-security/installed: requirements/security.txt
	$(from_locked)

audit: .venv-audit/installed ## Ask OSV about known faults of every locked package; needs api.osv.dev
	@for one in $(LOCKED); do echo "$$one"; .venv-audit/bin/pip-audit --strict --disable-pip --require-hashes --vulnerability-service osv --progress-spinner off --requirement $$one || exit; done

LOCKED := src/requirements.txt src/requirements-curator.txt src/requirements-build.txt requirements/dev.txt requirements/bench.txt requirements/docs.txt requirements/security.txt requirements/uv.txt examples/dbt/requirements.txt

.venv-audit/installed:
	@$(new_venv) .venv-audit
	@.venv-audit/bin/python -m pip install --quiet --no-compile 'pip-audit>=2.10,<3'
	@touch $@

bench: install .venv-bench/installed ## Measure the lake beside its peers (twenty minutes); QUICK=1 for the engine alone
	@python -m benchmarks.run $(if $(QUICK),--quick) --python .venv-bench/bin/python

.venv-bench/installed: requirements/bench.txt
	$(from_locked)

dbt: .venv-dbt/installed ## Make .venv-dbt, with what examples/dbt needs

# dbt's packages need other versions than the lake's.
.venv-dbt/installed: examples/dbt/requirements.txt
	$(from_locked)

##@ Documentation and release
pictures: install ## Draw the pictures of the documentation anew; edits files
	@python -m docs.pictures

docs: .venv-docs/installed ## Make the site of the documentation in site/; a broken link fails
	@.venv-docs/bin/sphinx-build --quiet --fail-on-warning --keep-going --nitpicky --jobs auto --conf-dir docs . site
	@echo "The documentation is in site/docs/index.html: file://$(CURDIR)/site/docs/index.html"

# The newest Sphinx and docutils, which nothing of the lake needs.
.venv-docs/installed: requirements/docs.txt
	$(from_locked)

reference: install ## Write anew what docs/reference has from code and template; edits files
	@python -m tests.support.reference

licences: install ## Write docs/reference/licences.md anew from what is locked and installed; edits the file
	@python -m tests.support.licences

lock: install ## Resolve requirements/*.in anew, and examples/dbt's; edits files
	@python -m pip install --quiet pip-tools
	@for one in uv dev bench security docs; do $(pip_compile) --output-file requirements/$$one.txt requirements/$$one.in || exit; done
	@cd requirements && for one in runtime:requirements curator:requirements-curator build:requirements-build; do $(pip_compile) --constraint dev.txt --output-file ../src/$${one#*:}.txt $${one%:*}.in || exit; done
	@$(pip_compile) --output-file examples/dbt/requirements.txt examples/dbt/requirements.in

pip_compile = pip-compile --quiet --generate-hashes --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --strip-extras --allow-unsafe --no-header
