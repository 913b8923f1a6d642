# `make demo` shows it, `make check` is the gate that every change passes. Both install what they need and is not there.

SHELL := /bin/bash
POLYGLOT := $(CURDIR)/target/polyglot
TOOLS := $(CURDIR)/target/tools
# What was left out, a line each, with the reason.
SKIPPED := $(CURDIR)/target/skipped
# Crates whose documentation a user reads; the examples in it are run.
FRONT_DOOR := -p warrener-client -p warrener-worker
# The other languages' clients that the tests publish and work with.
PIKA := 1.4.4
AMQPLIB := 2.3.1
PUPPETEER := 24.43.1
AXE := 4.14.1
# What makes up requests from the document of the API.
SCHEMATHESIS := 4.32.5

export PATH := $(PATH):$(TOOLS)/bin
export PYTHONPATH := $(POLYGLOT)/python
export NODE_PATH := $(POLYGLOT)/node/node_modules

.PHONY: help demo secrets check setup fmt lint docs test chaos guard bench compose deny
.NOTPARALLEL:
.DEFAULT_GOAL := help

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## runs the three examples on this machine, everything included; KEEP=1 leaves it running
	@KEEP=$(KEEP) examples/demo.sh

secrets: ## random passwords for compose, in .env
	@shared/deploy/secrets.sh .env shared/deploy/secrets/definitions.json

# What `deny` needs is built while the tests run, which mostly wait.
check: ## everything below; what CI runs
	@start=$$(date +%s); rm -f $(SKIPPED); tools=; trap '[ -z "$$tools" ] || kill $$tools 2>/dev/null' EXIT; \
	for step in setup fmt lint docs test chaos guard compose deny; do \
	case $$step in \
	test) mkdir -p $(TOOLS); nice -n 19 $(MAKE) --no-print-directory $(TOOLS)/ready >$(TOOLS)/ready.log 2>&1 & tools=$$! ;; \
	deny) wait $$tools; tools= ;; \
	esac; \
	begun=$$(date +%s); $(MAKE) --no-print-directory $$step || exit 1; \
	took="$$took$${took:+, }$$step $$(( $$(date +%s) - begun ))"; done; \
	echo "make check: all is well, after $$(( $$(date +%s) - start )) s ($$took);" \
	"skipped: $$(cat $(SKIPPED) 2>/dev/null | wc -l)"; \
	if [ -e $(SKIPPED) ]; then sed 's/^/  skipped /' $(SKIPPED); fi

setup: $(POLYGLOT)/python/pika $(POLYGLOT)/python/schemathesis $(POLYGLOT)/node/node_modules/axe-core ## installs what the tests need

fmt: ## the format of the code
	cargo fmt --all --check

lint: ## clippy, warnings are errors
	cargo clippy --workspace --all-targets --locked --quiet -- -D warnings

docs: ## the documentation of the code, warnings are errors
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked --quiet

test: ## all tests, and the examples in the documentation
	cargo build --workspace --bins --examples --locked --quiet
	@if cargo nextest --version >/dev/null 2>&1; \
	then set -x; cargo nextest run --workspace --locked --no-fail-fast \
		--profile check --test-threads $$(( $$(nproc) * 3 )); \
	else set -x; cargo test --workspace --locked --no-fail-fast --lib --bins --tests; fi
	cargo test --doc --locked --quiet $(FRONT_DOOR)
	@if [ -n "$$WARRENER_TEST_RABBITMQ_4" ]; \
	then WARRENER_TEST_AMQP_URL="$$WARRENER_TEST_RABBITMQ_4" cargo test --locked -p warrener-tests --bin sim on_rabbitmq; \
	else echo "SKIPPED RabbitMQ 4: WARRENER_TEST_RABBITMQ_4 names none to compare the simulation's broker with"; \
	echo "RabbitMQ 4: WARRENER_TEST_RABBITMQ_4 is not set" >>$(SKIPPED); fi

# A part of it; FAULTS.md is of longer runs, with all faults.
chaos: ## real processes broken under load for MINUTES (1) on each store, and every job judged; another SEED breaks others
	@cargo build --workspace --bins --examples --locked --quiet
	@for store in sqlite postgres; do SKIPPED=$(SKIPPED) $${CARGO_TARGET_DIR:-target}/debug/chaos --store $$store \
	--minutes $(or $(MINUTES),1) --seed $(or $(SEED),1) || exit 1; done

# The counts are of the build that the tests have, of which nothing is built anew.
guard: ## what the hot paths cost in instructions, against tests/bench/instructions.toml; ACCEPT=1 keeps the new counts
	@cargo build --workspace --bins --examples --locked --quiet
	@SKIPPED=$(SKIPPED) $${CARGO_TARGET_DIR:-target}/debug/guard $(if $(ACCEPT),accept)

bench: ## the table of what is promised, wanted and measured, peers included; 15 min on a machine that rests
	cargo build --release --locked --bin warrener
	WARRENER_BIN=$${CARGO_TARGET_DIR:-$(CURDIR)/target}/release/warrener tests/bench/table.py

compose: ## what docker-compose.yml starts, with everything real; skipped where no containers can be started
	@SKIPPED=$(SKIPPED) tests/compose/run.sh

deny: $(TOOLS)/ready ## licences, sources and known vulnerabilities of what we depend on
	cargo deny --workspace check bans licenses sources
	@if cargo deny fetch db >$(TOOLS)/advisories.log 2>&1; \
	then set -x; cargo deny --workspace check --disable-fetch advisories; \
	else echo "WARNING: not checked for known vulnerabilities: the advisory database can't be reached from here"; fi

.PHONY: packages
packages:
	@.ci/setup

$(POLYGLOT)/python/pika: | packages
	pip3 install --quiet --disable-pip-version-check --root-user-action=ignore --target $(POLYGLOT)/python pika==$(PIKA)

$(POLYGLOT)/python/schemathesis: | packages
	pip3 install --quiet --disable-pip-version-check --root-user-action=ignore --target $(POLYGLOT)/python schemathesis==$(SCHEMATHESIS)

# All at once: each install without a manifest throws away what the one before brought.
$(POLYGLOT)/node/node_modules/axe-core: | packages
	@mkdir -p $(POLYGLOT)/node
	npm install --silent --no-audit --no-fund --no-save --prefix $(POLYGLOT)/node \
		amqplib@$(AMQPLIB) puppeteer-core@$(PUPPETEER) axe-core@$(AXE)

# Built for compile time, not for speed: it runs for a second. Two minutes on two cores.
$(TOOLS)/ready: | packages
	@mkdir -p $(TOOLS)
	@cargo deny --version >/dev/null 2>&1 || { set -x; \
	CARGO_TARGET_DIR=$(TOOLS)/build CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_OPT_LEVEL=1 \
	CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 CARGO_PROFILE_RELEASE_DEBUG=0 \
	cargo install --quiet --locked --no-default-features --root $(TOOLS) cargo-deny@0.20.2; }
	@rm -rf $(TOOLS)/build
	@touch $@
