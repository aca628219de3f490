# Two commands on a fresh machine: `make bench` and `make test`. Both install on first use, and only then.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/installed
RESULTS := results/$(shell date +%Y%m%d-%H%M%S)

.PHONY: bench test proof perf lint golden clean

bench: $(INSTALLED)
	$(BIN)/torchpace run -o $(RESULTS).jsonl
	$(BIN)/torchpace report $(RESULTS).jsonl -o $(RESULTS).html

# In the order of their folders, where files of few long tests come first, and what can be divided last.
test: $(INSTALLED)
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 5 --dist loadfile --no-loadscope-reorder

# What tests leave out because it takes times: the ruler against what is known, and how often intervals and verdicts are
# right. An hour or so; keep the machine quiet.
proof: $(INSTALLED)
	$(BIN)/python -m tests.proof

perf: $(INSTALLED)
	$(BIN)/python -m pytest tests/perf --benchmark-only --benchmark-json=pytest-benchmark.json

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/zizmor --offline --no-progress --quiet .github action.yml
	$(BIN)/python -m tests.house

# Rewrite the golden files from what the code prints now; read the difference before committing it.
golden: $(INSTALLED)
	TORCHPACE_REWRITE_GOLDEN=1 $(BIN)/python -m pytest tests -k golden

$(INSTALLED): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "torchpace needs Python 3.11 or newer, and $(PYTHON) is `$(PYTHON) --version 2>&1`; try make PYTHON=python3.12"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	@echo "Installing torch and the rest into $(VENV); this takes minutes, once."
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test]'
	@touch $@

clean:
	rm -rf $(VENV) .asv/env results build *.egg-info
