# Two commands matter to a newcomer: `make demo` (see it work) and `make test` (see it hold).
# Needed: python3 (3.11 or newer), make, git. Everything else goes into .venv.

PYTHON  ?= python3
VENV    := .venv
BIN     := $(VENV)/bin
PIP     := $(BIN)/python -m pip --disable-pip-version-check
# Two workers, one thread each: on two cores this is quicker than one process with two threads.
WORKERS ?= 2
PYTEST  := OMP_NUM_THREADS=1 $(BIN)/python -m pytest

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test check format docs docs-serve picture bench wheel hooks clean distclean

help: ## say what each target does
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# --- the environment: each stamp says what .venv already holds ---------------------------------------

$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo 'echobeat needs Python 3.11 or newer; name one with: make PYTHON=python3.12 ...' >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip' || \
	  { echo 'This Python cannot make environments; on Debian and Ubuntu: apt-get install python3-venv' >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --quiet --upgrade 'pip>=25.1'   # 25.1 is the first that knows --group
	@touch $@

# What inference needs, and no torch.
$(VENV)/.inference: pyproject.toml $(VENV)/.made
	$(PIP) install --quiet --editable .
	@touch $@

# What the tests need beside it: torch, pinned, and pytest.
$(VENV)/.tests: $(VENV)/.inference
	$(PIP) install --quiet --editable '.[train]' --group test
	@touch $@

# What the checks need beside it; mypy reads torch's types, so the tests' packages come first.
$(VENV)/.checks: $(VENV)/.tests
	$(PIP) install --quiet --group check
	@touch $@

# --- what a user runs --------------------------------------------------------------------------------

demo: $(VENV)/.inference ## analyse one phantom patient and one real clip; results in demo/
	$(BIN)/echobeat demo --out demo

test: $(VENV)/.tests ## run the whole test suite
	$(PYTEST) -n $(WORKERS)

check: $(VENV)/.checks ## format, lint, types, import order, docs
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(PYTEST) tests/test_architecture.py
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs --quiet build --strict

format: $(VENV)/.checks ## put the code into shape
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(VENV)/.checks ## bring the generated tables up to date and build site/
	$(BIN)/python docs/generate.py
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs --quiet build --strict

docs-serve: $(VENV)/.checks ## read the docs in a browser while writing them
	$(BIN)/mkdocs serve

picture: demo ## make the picture of the README from the demonstration's phantom
	$(BIN)/python docs/picture.py demo/phantom/overlay.mp4

bench: $(VENV)/.inference ## measure speed and memory; prints one table
	$(BIN)/python -m benchmarks.run

wheel: $(VENV)/.checks ## build the wheel into dist/
	rm -rf dist
	$(BIN)/python -m build --wheel --outdir dist .

hooks: $(VENV)/.checks ## check every commit before it is made
	$(PIP) install --quiet pre-commit
	$(BIN)/pre-commit install

clean: ## remove what was made, keep .venv
	rm -rf demo dist build site .pytest_cache .hypothesis .mypy_cache .ruff_cache
	find src tests benchmarks docs -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean ## remove .venv too
	rm -rf $(VENV)
