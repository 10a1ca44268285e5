# The project's targets. `run` installs what growing a corpus needs; `setup` adds all that the tests need.
# PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu in the environment gets PyTorch's small CPU wheels.
PYTHON ?= python3
BIN := .venv/bin
EXTRAS := train,report,search,blocks,embeddings,llm,finetune,dev
INSTALL := $(BIN)/pip install --quiet --disable-pip-version-check

# Not the parts that genetic.py brings together, nor what takes an hour.
BENCHMARKS := $(filter-out benchmarks/genetic_% benchmarks/mutants.py,$(wildcard benchmarks/*.py))

.PHONY: setup run test lint test-long test-slow bench mutants clean

setup: .venv/ready

.venv/ready: pyproject.toml | .venv/bin/python
	$(INSTALL) -e '.[$(EXTRAS)]'
	touch .venv/train $@

.venv/train: pyproject.toml | .venv/bin/python
	$(INSTALL) -e '.[train]'
	touch $@

.venv/bin/python:
	$(PYTHON) -m venv .venv

run: .venv/train
	$(BIN)/lemur2 quickstart

test: setup lint
	$(BIN)/pytest -n 2

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test-long: setup
	$(BIN)/pytest -n 2 -m long

test-slow: setup
	$(BIN)/pytest -m slow

bench: setup
	for file in $(BENCHMARKS); do $(BIN)/python $$file || exit 1; done

mutants: setup
	$(INSTALL) 'cosmic-ray>=8.7'
	$(BIN)/python benchmarks/mutants.py

clean:
	rm -rf .venv build dist mutants.jsonl
