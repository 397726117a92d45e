# Every target says what it does: `make help`.
SHELL := /bin/bash
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DATA ?= $(or $(DQMSTREAM_TEST_DATA),../shared/data)
SPEED ?= 1
FILES ?=
KAFKA ?=
PLOTS ?= build/calibration
SEED ?= 1
TESTS ?= tests/unit

.PHONY: help install test unit lint soak shaken calibration bench demo lock schemas wheel clean

help: ## list the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  \1\t/' | expand -t 14

# The environment is complete when the stamp is newer than what defines it.
$(VENV)/.runs: pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "dqmstream needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version). Try: make PYTHON=python3.11" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { echo "could not make $(VENV); on Debian: apt-get install python3-venv" >&2; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@scripts/jsroot --page >/dev/null || echo "the page goes without JSROOT; scripts/jsroot --page puts it there" >&2
	@touch $@

install: $(VENV)/.runs ## make .venv with the pinned dependencies and this checkout

demo: install ## play a run and serve the page; FILES="a.jsn b.jsn" plays CMS streamer files, SPEED=10 faster, KAFKA=1 on Kafka
	@if [ -n "$(KAFKA)" ]; then \
	  scripts/kafka && exec $(BIN)/python -m playback.broker -- $(BIN)/dqmstream demo --speed $(SPEED) $(FILES); \
	else exec $(BIN)/dqmstream demo --speed $(SPEED) $(FILES); fi

lint: install ## ruff, mypy --strict, import-linter, codespell
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell README.md CONTRIBUTING.md CHANGELOG.md docs docker k8s dqmstream services playback tests --ignore-words-list inforce --skip '*.bin,*.dat,*.jsn,*.json,*.min.js'

# Left out of the fast ones: real servers, databases and logs on disk, processes that are killed, and whole runs.
SERVERS := access api_roles deflating hostile_connections http ingest layouts posted_workspaces service stream
NOT_FAST := $(addprefix --ignore=tests/unit/,store transport $(SERVERS:%=gateway/test_%.py) kernels/test_compile.py quality/test_default_file.py fold/test_laws.py workspaces/test_filled.py playback/test_recordings.py services/test_layout_commands.py services/test_posted.py)

unit: install ## the fast tests: no network, no browser, no real data
	HYPOTHESIS_PROFILE=quick $(BIN)/pytest tests/unit $(NOT_FAST) -q -m "not slow and not benchmark and not browser and not realdata"

# Leaving out the real-data group is said in one line, never done in silence. Whole systems have the
# machine for themselves: what they promise is about time. Failed tests (status 1) are asked again.
test: install lint ## lint and all tests but slow ones and benchmarks; installs what they need if it is root
	@scripts/chromium
	@scripts/kafka
	@scripts/jsroot >/dev/null
	@scripts/postgresql
	@scripts/promtool --version >/dev/null
	@if [ -d "$(DATA)/cms-streamer" ]; then marks="not slow and not benchmark"; else \
	  echo "realdata tests are left out: no folder $(DATA)/cms-streamer (set DQMSTREAM_TEST_DATA)"; \
	  marks="not slow and not benchmark and not realdata"; fi; \
	export DQMSTREAM_TEST_DATA="$$(realpath -m $(DATA))"; units=0; systems=0; \
	$(BIN)/pytest --cache-clear -m "$$marks" -n 2 --dist worksteal --ignore tests/integration --ignore tests/crash || units=$$?; \
	$(BIN)/pytest -m "$$marks" tests/integration tests/crash || systems=$$?; \
	case $$units$$systems in 00) ;; 01|10|11) $(BIN)/python scripts/ask_again.py ;; *) exit 1 ;; esac

soak: install ## the slow tests: many more random examples, hundreds of crash schedules
	@scripts/kafka
	HYPOTHESIS_PROFILE=soak $(BIN)/pytest -m slow --timeout 3600

shaken: install ## TESTS (tests/unit) with event loops that are late by chance, drawn from SEED: finds races in minutes
	PYTHONPATH=$(CURDIR)/tests/shaken SHAKEN_SEED=$(SEED) HYPOTHESIS_PROFILE=quick \
	  $(BIN)/pytest -q --timeout 300 -m "not slow and not benchmark" $(TESTS)

calibration: install ## simulate what quality tests state and find; figure and numbers into PLOTS=FOLDER
	DQMSTREAM_TEST_PLOTS=$(PLOTS) $(BIN)/pytest -q -m slow tests/unit/quality/test_calibration.py

bench: install ## all benchmarks, with their goals
	@scripts/kafka
	@scripts/postgresql
	@scripts/wrk
	for name in fill pipeline kafka http store compression log start beam-spot payload compare verdicts recordings playback viewers page; do $(BIN)/dqmstream bench $$name || exit; done

schemas: install ## write schemas/ anew from the code
	$(BIN)/dqmstream schemas schemas

lock: ## pin all dependencies anew, with hashes and without download addresses
	$(PYTHON) -m venv $(VENV)-lock
	$(VENV)-lock/bin/python -m pip install --quiet pip-tools
	$(VENV)-lock/bin/python scripts/lock.py > requirements.lock.new
	mv requirements.lock.new requirements.lock
	rm -rf $(VENV)-lock

wheel: install ## build the wheel and try it in an environment of its own
	@scripts/jsroot --page >/dev/null || echo "the wheel goes without JSROOT" >&2
	$(BIN)/python -m build --wheel --no-isolation
	scripts/try-wheel

clean: ## remove the environment and all caches
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
