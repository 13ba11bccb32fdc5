# `make help` lists the targets. Each sets up what it needs first, and does nothing where that is done already.
# A machine needs make and a Python 3.13 (found by scripts/find-python; name one with `make PYTHON=/path/to/python3.13`).

SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help set-up test live-check mutants demo up bench lint format lock clean

# What a person's shell may hold and what would change which packages and which code are used.
unexport PYTHONPATH PYTHONHOME PYTHONDONTWRITEBYTECODE PIP_USER PIP_TARGET PIP_PREFIX PIP_REQUIRE_HASHES VIRTUAL_ENV

py := .venv/bin/python
code := $(wildcard function_app.py handlers perennial localazure bench tests)

help: ## This list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' Makefile | while IFS='	' read -r name text; do printf '  make %-10s %s\n' "$$name" "$$text"; done

set-up: ## Make .venv, install the locked packages, Node and Azurite
	@sh scripts/set-up

test: set-up ## Run every test (ARGS="-k name" for some)
	$(py) -m pytest -n 2 $(ARGS)

live-check: set-up ## The contracts against a real vault (VAULT=name, and TOPIC=, KEYS=, TABLES=, QUEUES= for endpoints)
	@VAULT='$(VAULT)' TOPIC='$(TOPIC)' KEYS='$(KEYS)' TABLES='$(TABLES)' QUEUES='$(QUEUES)' $(py) -m tests.live

# One mutant of five, in about an hour: ARGS='--every 5 perennial/decisions/*.py perennial/workflows/*.py perennial/workflows/api/*.py'
mutants: set-up ## Change thinking and doing in every small way, for hours; list what no test notices (ARGS=file.py for one)
	$(py) -m tests.mutation $(or $(ARGS),$(wildcard perennial/decisions/*.py perennial/workflows/*.py perennial/workflows/api/*.py))

demo: set-up ## Tell the whole story against an Azure on this machine, and check it
	@$(py) -m localazure.demo

up: set-up ## Keep that Azure and the app running, and say how to look at them
	@$(py) -m localazure up

bench: set-up ## Measure beside references, against budgets (ARGS=--write: docs/benchmarks.md)
	@$(py) -m bench $(ARGS)

lint: set-up ## Style, types, the direction of imports, docstrings
	$(py) -m ruff check .
	$(py) -m ruff format --check .
	$(py) -m mypy --strict $(code)
	MYPYPATH=infra/hooks $(py) -m mypy --strict infra/hooks
	.venv/bin/lint-imports
	$(py) -m interrogate -q $(code) infra/hooks || { $(py) -m interrogate -vv $(code) infra/hooks | grep MISSED; exit 1; }

format: set-up ## Put the code in the house's shape
	$(py) -m ruff check --fix .
	$(py) -m ruff format .

lock: set-up ## Pin again what pyproject.toml asks for (UPGRADE=1: the newest it allows)
	@sh scripts/lock
	@sh scripts/set-up

clean: ## Remove all that make made
	rm -rf .venv .local localazure/node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
