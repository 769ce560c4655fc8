# Docket. `make help` lists what there is.

SHELL := /bin/bash
.DEFAULT_GOAL := help

# The one list of system packages: `make run`, `make test`, .ci/run and the Dockerfile all use it through `system`.
SYSTEM_PACKAGES := postgresql-15 libpq-dev zlib1g-dev libpcre2-dev pkg-config util-linux gzip curl jq python3 python3-cryptography
SWIFT ?= swift
BUILD := .build/debug

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{ printf "  make %-10s %s\n", $$1, $$2 }'

.PHONY: system
system: ## Install the system packages that are missing (Debian; needs root or sudo)
	@missing=""; for package in $(SYSTEM_PACKAGES); do \
	  [ "$$(dpkg-query -W -f '$${db:Status-Status}' $$package 2>/dev/null)" = installed ] || missing="$$missing $$package"; \
	done; \
	if [ -n "$$missing" ]; then \
	  echo "installing:$$missing"; \
	  if [ "$$(id -u)" = 0 ]; then sudo=""; else sudo=sudo; fi; \
	  $$sudo apt-get update -qq && \
	  DEBIAN_FRONTEND=noninteractive $$sudo apt-get install -y -qq --no-install-recommends $$missing; \
	fi

.PHONY: build
build: system ## Build everything (debug)
	$(SWIFT) build

.PHONY: run
run: system ## Build, start a private PostgreSQL, play the demo story, and keep serving
	$(SWIFT) build --product docket
	$(BUILD)/docket demo

.PHONY: test
test: system ## Run every test against a private PostgreSQL
	$(SWIFT) build --build-tests
	$(SWIFT) test --skip-build

# What only the pages' test in a browser needs; its Python packages go into a folder of their own.
BROWSER_PACKAGES := chromium chromium-driver python3-venv fonts-liberation
SCREENSHOTS ?= .build/screenshots

.PHONY: browser
browser: system ## Walk through the pages in a headless Chromium; screenshots go to SCREENSHOTS
	$(MAKE) system SYSTEM_PACKAGES="$(BROWSER_PACKAGES)"
	$(SWIFT) build --product docket
	[ -x .build/browser/bin/python ] || python3 -m venv .build/browser
	.build/browser/bin/pip install --quiet --disable-pip-version-check selenium==4.51.0
	.build/browser/bin/python Tests/Browser/walk.py $(BUILD)/docket $(SCREENSHOTS)

CYCLES ?= 200

.PHONY: crash
crash: system ## Kill servers, PostgreSQL and connections CYCLES times; what was acknowledged must be there, once
	$(SWIFT) build --product docket
	Scripts/crash-loop.py --docket $(BUILD)/docket --cycles $(CYCLES)

.PHONY: bench-detect
bench-detect: system ## Measure detection on recorded events, by log source (release build; needs the shared data)
	$(SWIFT) build -c release --product docket-bench-detect
	.build/release/docket-bench-detect

EXECUTIONS ?= 11000000

.PHONY: fuzz
fuzz: system ## Try the readers of rules, records and expressions with EXECUTIONS random inputs (release build)
	$(SWIFT) build -c release --product docket-fuzz
	.build/release/docket-fuzz $(EXECUTIONS)

.PHONY: bench
bench: system ## Run the benchmarks (release build)
	$(SWIFT) build -c release --product docket-bench
	.build/release/docket-bench

DAY_ALERTS ?= 3200

.PHONY: bench-day
bench-day: system ## Replay a day of a large SOC (DAY_ALERTS alerts) through the whole pipeline (release build)
	$(SWIFT) build -c release --product docket-bench
	.build/release/docket-bench day --alerts $(DAY_ALERTS)

.PHONY: format
format: ## Format the sources
	$(SWIFT) format format --in-place --recursive --parallel Sources Tests Schema Projections Content Package.swift

.PHONY: lint
lint: ## Check the format
	$(SWIFT) format lint --strict --recursive --parallel Sources Tests Schema Projections Content Package.swift

.PHONY: golden
golden: build ## Write the golden files anew; look at the difference before committing it
	UPDATE_GOLDEN=1 $(SWIFT) test
