# The one place that knows how to set up and run things.  `make help` lists the targets.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
LOCK   ?= requirements.lock
LOCKED := $(VENV)/.locked
STAMP  := $(VENV)/.installed
PIP     = "$(BIN)/python" -m pip install --quiet --disable-pip-version-check --no-deps
# One thread a process for OpenMP: the audit parallelises over versions, not inside libraries.
export OMP_NUM_THREADS ?= 1
# What a person set for pip or Python elsewhere must not lead past .venv; indexes, proxies and caches stay theirs.
export PIP_USER := 0
export PIP_NO_BINARY := :none:
unexport PYTHONHOME PYTHONPATH PYTHONDONTWRITEBYTECODE PIP_TARGET PIP_PREFIX PIP_ROOT PIP_CONSTRAINT PIP_REQUIREMENT PIP_EDITABLE PIP_DRY_RUN
# The theme prints a notice about its future at every build.
export NO_MKDOCS_2_WARNING ?= 1

# What `make quick` leaves to `make test`: it starts processes, draws, trains, or asks every check.
NOT_QUICK := $(addprefix meta/test_,marks.py pipelines.py vacuous.py) $(addprefix unit/,execution explain packets \
  probes reference_engine $(addprefix test_,budget.py environment.py memory_of_hooks.py mutation_runner.py \
  size_power.py))

# Two processes, each with half of the files, so that what a file shares is made once; who ends first helps the other.
PYTEST = $(BIN)/python -m pytest -n 2 --dist worksteal -q

.DEFAULT_GOAL := help
.PHONY: help setup audit engine test quick slow torch ray lab check format lint types layers docs docs-check bounds bench bench-all lock clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: $(STAMP)  ## create .venv from the lock file

# The lock is complete, so nothing is resolved (--no-deps): what a registry published since cannot matter.
# Compiled ahead, on all cores: contained processes may not write, and would compile at every start.
$(LOCKED): $(LOCK)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed; name it: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 2; }
	@{ [ ! -e "$(VENV)/.begun" ] && "$(BIN)/python" -m pip --version >/dev/null 2>&1; } \
	  || $(PYTHON) -m venv --clear "$(VENV)" || { echo "python3 -m venv fails; on Debian and Ubuntu: apt-get install python3-venv"; exit 2; }
	@echo "installing $(LOCK) into $(VENV): one to three minutes, once"
	@touch "$(VENV)/.begun" # removed at the end: what was interrupted is begun anew
	@$(PIP) --require-hashes --no-compile --requirement "$(LOCK)"
	@"$(BIN)/python" -m compileall -q -j 0 "$(VENV)" >/dev/null 2>&1 || true
	@rm "$(VENV)/.begun" && touch "$@"

$(STAMP): $(LOCKED) pyproject.toml
	@$(PIP) --no-build-isolation --editable .
	@"$(BIN)/python" -m compileall -q -j 0 audit_lib
	@touch "$@"

engine: $(STAMP)  ## build the embedded subject (trains its versions once)
	@$(BIN)/python -m audit_lib.reference_engine build

audit: engine  ## audit every version of the embedded subject; packets land in reports/
	@# 1 means "broken", which the release candidate is on purpose; only 2 is a failure here
	@$(BIN)/workbook run reference_engine --version all || [ $$? -eq 1 ]

test: engine  ## the tests, but for those marked slow
	$(PYTEST) -m "not slow"

quick: format lint layers  ## the fast part of `check`, in less than a minute: no hosts, no notebooks, no PDF
	$(PYTEST) -m "not slow" tests/meta tests/unit $(addprefix --ignore=tests/,$(NOT_QUICK))

slow: engine  ## the slow tests: pages run command by command, setups, interrupted runs
	$(PYTEST) -m slow

torch:  ## tests with real PyTorch and ONNX, in build/torch: some GB, 40 s of tests
	@$(MAKE) setup VENV=build/torch
	@build/torch/bin/python -m pip install --quiet $$(build/torch/bin/python -c 'import tomllib; \
	  print(*tomllib.load(open("pyproject.toml", "rb"))["dependency-groups"]["torch"])')
	build/torch/bin/python -m pytest -n 2 -q tests/with_torch tests/unit/subject/artifacts/test_artifacts_trust.py

ray:  ## a version asked by a real ray cluster of one machine, in build/ray
	@$(MAKE) setup VENV=build/ray
	@build/ray/bin/python -m pip install --quiet $$(build/ray/bin/python -c 'import tomllib; \
	  print(*tomllib.load(open("pyproject.toml", "rb"))["dependency-groups"]["ray"])')
	build/ray/bin/python -m pytest -q tests/with_ray

lab: engine  ## open JupyterLab on copies of the notebooks
	$(BIN)/jupyter lab notebooks

check: format lint types layers docs-check test  ## the one gate: all of the above that can fail

format: $(STAMP)  ## formatting
	$(BIN)/ruff format --check .

lint: $(STAMP)  ## lint rules
	$(BIN)/ruff check .

types: $(STAMP)  ## mypy strict
	$(BIN)/mypy

layers: $(STAMP)  ## import direction
	$(BIN)/lint-imports

docs: $(STAMP)  ## write docs/checks from the docstrings and build the site
	$(BIN)/python docs/generate.py
	$(BIN)/mkdocs build --strict --quiet

docs-check: $(STAMP)  ## the generated pages are fresh, and the site builds without a warning
	$(BIN)/python docs/generate.py --check
	$(BIN)/mkdocs build --strict --quiet

bounds: engine  ## try the lowest versions that pyproject.toml allows, on each supported Python
	@.ci/bounds

bench: engine  ## what an audit costs, as ratios; writes the table of docs/performance.md
	$(BIN)/python benchmarks/table.py --write

bench-all: engine  ## every benchmark there is, which takes hours
	@for file in benchmarks/*.py; do echo "== $$file"; $(BIN)/python $$file || exit 1; done

COMPILE = $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-header --quiet
lock: $(STAMP)  ## write the lock files anew from pyproject.toml
	$(COMPILE) pyproject.toml --all-extras --output-file requirements.lock
	$(COMPILE) --group gate --constraint requirements.lock --output-file requirements-gate.lock

clean:  ## remove what the targets made, reports excepted
	rm -rf $(VENV) build site
