# Magic Roll: `make run` is all a newcomer needs. Works with the make of macOS (GNU make 3.81) too.
HOST ?= 127.0.0.1
PORT ?= 8000
ARGS ?=

VENV := .venv
PY := $(VENV)/bin/python
DATA := $(or $(MAGICROLL_DATA_DIR),data)
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	if $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then echo $$p; break; fi; done)

# An environment whose Python is gone (upgraded, moved, half made) is made anew.
WHOLE := $(shell $(PY) -c 'import pip; print("yes")' 2>/dev/null)
ifneq ($(WHOLE),yes)
.PHONY: $(VENV)/.whole
endif

# Commands that need settings but serve nobody get a key that is worth nothing.
WITHOUT_SERVING := MAGICROLL_SECRET_KEY=not-for-serving MAGICROLL_DATA_DIR=.cache/make-data

.PHONY: help setup setup-dev run doctor test test-browser test-fault test-torch lock clean
.PHONY: lint lint-code lint-templates lint-types lint-imports lint-migrations

help:
	@echo 'make run [PORT=8000] [HOST=127.0.0.1]  start Magic Roll: web, worker and scheduler'
	@echo 'make setup         make .venv with what running needs'
	@echo 'make doctor        check an installation, with a round trip through the running worker'
	@echo 'make test          the test suite;  also: test-browser, test-fault, test-torch, lint'
	@echo 'make lock          pin the newest versions that requirements*.in allow'
	@echo 'make clean         remove what was made, but never data/'

setup: $(VENV)/.run-ready

setup-dev: $(VENV)/.dev-ready

$(VENV)/.whole:
ifneq ($(WHOLE),yes)
	@if [ -z '$(PYTHON)' ]; then \
	  echo 'Magic Roll needs Python 3.11 or newer, and none was found on this machine. Install it, or name one:' >&2; \
	  echo '  make $(or $(MAKECMDGOALS),setup) PYTHON=/path/to/python3' >&2; exit 1; fi
	@if ! '$(PYTHON)' -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then \
	  echo '$(PYTHON) is not Python 3.11 or newer, which Magic Roll needs.' >&2; exit 1; fi
	@if ! '$(PYTHON)' -c 'import ensurepip, venv' 2>/dev/null; then \
	  echo "$(PYTHON) can't make virtual environments. On Debian and Ubuntu: apt install python3-venv" >&2; exit 1; fi
	@echo 'Making the Python environment in $(VENV) ...'
	@'$(PYTHON)' -m venv --clear $(VENV)
endif
	@touch $@

$(VENV)/.run-ready: $(VENV)/.whole requirements.txt
	@echo 'Installing what Magic Roll needs; the first time takes a few minutes ...'
	@$(PY) -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/.dev-ready: $(VENV)/.whole requirements-dev.txt
	@echo 'Installing what development needs ...'
	@$(PY) -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $(VENV)/.run-ready $@

run: setup
	@umask 077; mkdir -p '$(DATA)'; \
	if [ -z "$$MAGICROLL_SECRET_KEY$$MAGICROLL_SECRET_KEY_FILE" ]; then \
	  MAGICROLL_SECRET_KEY_FILE='$(DATA)/secret-key'; export MAGICROLL_SECRET_KEY_FILE; \
	  if [ ! -s "$$MAGICROLL_SECRET_KEY_FILE" ]; then \
	    $(PY) -c 'import secrets; print(secrets.token_urlsafe(50))' > '$(DATA)/secret-key.new' && \
	    mv '$(DATA)/secret-key.new' "$$MAGICROLL_SECRET_KEY_FILE" || exit 1; \
	  fi; \
	fi; \
	$(PY) manage.py prepare && exec $(PY) manage.py serve --host '$(HOST)' --port '$(PORT)' $(ARGS)

doctor: setup
	@if [ -z "$$MAGICROLL_SECRET_KEY$$MAGICROLL_SECRET_KEY_FILE" ]; then \
	  MAGICROLL_SECRET_KEY_FILE='$(DATA)/secret-key'; export MAGICROLL_SECRET_KEY_FILE; fi; \
	exec $(PY) manage.py doctor $(ARGS)

test: setup-dev
	$(PY) -m tests.legs -n auto --maxprocesses 8 $(ARGS)

test-browser: setup-dev
	$(PY) -m pytest -m browser $(ARGS)

test-fault: setup-dev
	$(PY) -m pytest -m fault $(ARGS)

test-torch: setup-dev
	$(PY) -m pip install --quiet --disable-pip-version-check -r requirements-torch.txt
	$(PY) -m pytest -m torch $(ARGS)

# `make -k lint` shows what every one of them has to say.
lint: lint-code lint-templates lint-types lint-imports lint-migrations

lint-code: setup-dev
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .

lint-templates: setup-dev
	find templates -name '*.html' -exec $(VENV)/bin/djade --check --target-version 5.2 {} +

lint-types: setup-dev
	$(WITHOUT_SERVING) $(PY) -m mypy

lint-imports: setup-dev
	$(VENV)/bin/lint-imports

lint-migrations: setup-dev
	$(WITHOUT_SERVING) $(PY) manage.py makemigrations --check --dry-run
	$(WITHOUT_SERVING) $(PY) manage.py check

# uv resolves for all platforms at once, which pip can't.
lock:
	@test -x .cache/lock/bin/uv || { '$(PYTHON)' -m venv .cache/lock && .cache/lock/bin/python -m pip install --quiet uv; }
	.cache/lock/bin/uv pip compile $(LOCK) -o requirements.txt requirements.in
	.cache/lock/bin/uv pip compile $(LOCK) -c requirements.txt -o requirements-dev.txt requirements-dev.in
	.cache/lock/bin/uv pip compile $(LOCK) -c requirements.txt -o requirements-cuda.txt requirements-cuda.in
LOCK := --quiet --upgrade --universal --python-version 3.11 --no-header --no-annotate --no-emit-index-url --no-emit-find-links

clean:
	rm -rf $(VENV) staticfiles .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache test-artifacts
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
