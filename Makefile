# The commands of the course. `make` alone lists them. On Windows see the README: no make needed.

# A Python that the pinned packages have wheels for, else any that tools/bootstrap.py can judge.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.14 python3.11 python; do \
	if $$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' 2>/dev/null; \
	then echo $$p; exit; fi; done; command -v python3 || command -v python || echo python3)
BIN := .venv/bin

# make run: what the loop notebook is told
ITERATIONS ?= 12
AGENT ?= playbook
TAG ?=

# make test: two workers; tests/conftest.py says who runs what, the longest first. make check: one
# more, as light tests wait for clocks and children as often as they compute.
WORKERS ?= 2
check: WORKERS = 3
PYTEST_ARGS ?=
PYTEST = $(BIN)/python -m pytest -n $(WORKERS) --durations 15 $(PYTEST_ARGS)

# Jupyter refuses to start for root unless told; in a container there is nobody else.
LAB_ARGS ?= $(shell test "$$(id -u)" = 0 && echo --allow-root)

UV ?= uv
UPGRADE ?=
PIN = $(UV) pip compile pyproject.toml --group lock --universal --python-version 3.11 \
	--fork-strategy fewest --generate-hashes --no-emit-index-url --no-emit-find-links --no-strip-extras \
	--custom-compile-command "make lock" --quiet $(UPGRADE)

.DEFAULT_GOAL := help
.PHONY: help run check test test-long lab site slides lint format lock clean setup setup-dev

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: setup ## run the agent loop notebook headless (TAG=… continues a run, ITERATIONS=12, AGENT=playbook)
	@$(BIN)/python tools/run_headless.py $(if $(TAG),--tag "$(TAG)") \
		-p iterations $(ITERATIONS) -p agent $(AGENT)

check: lint ## lint, then every test that starts no worker, notebook or browser
	@echo "check: pytest with $(WORKERS) workers (tests marked heavy or slow are left out)"
	@$(PYTEST) -m "not heavy and not slow"

test: lint ## lint, then every test but the slow ones
	@echo "test: pytest with $(WORKERS) workers (tests marked slow are left to make test-long)"
	@$(PYTEST)

test-long: setup-dev ## the tests marked slow, which take minutes each
	@echo "test: pytest, the slow tests"
	@$(PYTEST) -m slow

lab: setup ## open the lessons in JupyterLab
	@mkdir -p .venv/etc/jupyter/labconfig # no question about news, whoever opens it
	@echo '{"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": true}}' \
		> .venv/etc/jupyter/labconfig/page_config.json
	@echo "lab: starting JupyterLab on the lessons; stop it with Ctrl-C"
	@$(BIN)/python -m jupyterlab --ServerApp.root_dir=. \
		--LabApp.default_url=/lab/tree/notebooks/00_twenty_lines.ipynb $(LAB_ARGS)

site: setup ## build the read-only website of the executed lessons in site/
	@echo "site: installing what builds it, if need be"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-warn-script-location \
		--require-hashes -r requirements/site.txt
	@$(BIN)/python tools/build_site.py

slides: setup ## make slides of the executed lessons in slides/ (OFFLINE=folder: see tools/build_slides.py)
	@$(BIN)/python tools/build_slides.py $(if $(OFFLINE),--offline "$(OFFLINE)")

lint: setup-dev ## check style and likely mistakes
	@echo "lint: ruff check"; $(BIN)/python -m ruff check .
	@echo "lint: ruff format --check"; $(BIN)/python -m ruff format --check .

format: setup-dev ## put the code into the house style
	$(BIN)/python -m ruff check --fix .
	$(BIN)/python -m ruff format .

lock: ## pin what pyproject.toml asks for (needs uv; UPGRADE=--upgrade takes the newest of everything)
	$(PIN) --extra dev -o requirements/dev.txt
	$(PIN) --constraint requirements/dev.txt -o requirements.txt
	$(PIN) --extra site --constraint requirements/dev.txt -o requirements/site.txt

clean: ## remove .venv and every cache; your runs stay
	rm -rf .venv build dist site slides *.egg-info .pytest_cache .ruff_cache .hypothesis .virtual_documents
	find . -name __pycache__ -prune -exec rm -rf {} + -o -name .ipynb_checkpoints -prune -exec rm -rf {} +
	@if [ -d runs ]; then echo "clean: your runs stay in runs/"; fi

setup:
	@$(PYTHON) tools/bootstrap.py run

setup-dev:
	@$(PYTHON) tools/bootstrap.py dev
