# Two commands do everything on a fresh machine (Python 3.11, make, git):
#   make demo    environment, install, one run on the simulated bench, report
#   make test    environment, install, tests
PYTHON ?= python3.11
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
CORES  := 2
# The tests start Python some hundred times: compiled modules are kept, whatever the machine sets.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test lint slow check peers bench torture images clean

demo: $(READY)
	$(BIN)/labctl run checkerboard --programmings 10

test: $(READY)
	@.ci/qt-libraries.sh
	$(BIN)/python -m pytest -n $(CORES) --dist worksteal -m "not slow and not torture"

slow: $(READY)
	@.ci/qt-libraries.sh xvfb
	$(BIN)/python -m pytest -n $(CORES) --dist worksteal -m slow

lint: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

check: lint test slow

# QCoDeS brings about sixty packages, so it is installed for these tests alone.
peers: $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev,peers]"
	$(BIN)/python -m pytest tests/protocol/test_qcodes.py

torture: $(READY)
	$(BIN)/python -m pytest -m torture

# make bench ONLY=name runs one of them
bench: $(READY)
	$(BIN)/python -m tests.benchmarks $(ONLY)

images: $(READY)
	$(BIN)/python docs/images/make_images.py
	$(BIN)/python docs/images/window_images.py

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	@touch $(READY)

clean:
	rm -rf $(VENV) build dist
