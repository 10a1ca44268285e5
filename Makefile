# The project's targets; each builds on `setup`, which makes .venv with all that the tests need.
PYTHON ?= python3
BIN := .venv/bin
EXTRAS := train,report,search,blocks,embeddings,llm,finetune,dev

# Not the parts that genetic.py brings together.
BENCHMARKS := $(filter-out benchmarks/genetic_%,$(wildcard benchmarks/*.py))

.PHONY: setup run test lint test-slow bench clean

setup: .venv/ready

.venv/ready: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[$(EXTRAS)]'
	touch $@

run: setup
	$(BIN)/lemur2 quickstart

test: setup lint
	$(BIN)/pytest -n 2

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test-slow: setup
	$(BIN)/pytest -m slow

bench: setup
	for file in $(BENCHMARKS); do $(BIN)/python $$file || exit 1; done

clean:
	rm -rf .venv build dist
