# The tasks of the project. `make` lists them.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help run test lint ci sim sim-day bench bench-search bench-patterns models release parity parity-doc fuzz clean

CARGO ?= cargo
TARGET_DIR := $(or $(CARGO_TARGET_DIR),target)
# What `make bench` holds objects against: s3s-fs (Apache-2.0), a server of its own, never part of Cairn.
REFERENCE := $(TARGET_DIR)/reference
# nextest runs tests in parallel processes; without it cargo's own runner does the same work.
NEXTEST := $(shell command -v cargo-nextest 2>/dev/null)
# The server under test: built with the tests, so that nothing is compiled twice.
export CAIRN_BIN ?= $(abspath $(TARGET_DIR))/debug/cairn

help: ## list these tasks
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## build Cairn and start it on 127.0.0.1:4566 (ARGS="--listen …" for settings)
	$(CARGO) build --profile quick -p cairn
	exec $(TARGET_DIR)/quick/cairn serve $(ARGS)

test: ## every test: unit, documentation, tidy, parity with the real AWS tools
	$(CARGO) build --workspace --all-targets
ifneq ($(NEXTEST),)
	$(CARGO) nextest run --workspace
else
	$(CARGO) test --workspace --lib --bins --tests --examples
endif
	$(CARGO) test --workspace --doc
	$(TARGET_DIR)/debug/xtask tidy
	$(TARGET_DIR)/debug/xtask parity-doc --check
	tests/parity/run

lint: ## formatting, clippy, tidy, licences and advisories of dependencies
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	$(CARGO) run -p xtask -- tidy
	command -v cargo-deny >/dev/null || $(CARGO) install --locked cargo-deny
	$(CARGO) deny check

ci: lint test ## lint and test

sim: ## run simulated worlds with crashes: SEEDS=1000 [SEED=first] [PLANT=bug] (docs/internals/simulator.md)
	$(CARGO) build --profile quick -p sim
	$(TARGET_DIR)/quick/sim $(or $(SEEDS),1000) --seed $(or $(SEED),0) $(if $(PLANT),--plant $(PLANT)) $(ARGS)

sim-day: ## a simulated day without faults, with its memory: CALLS=100000
	$(CARGO) build --profile quick -p sim
	$(TARGET_DIR)/quick/sim day $(or $(CALLS),100000)

bench: ## measure Cairn in fifteen minutes (ARGS=quick for less, ARGS="only=objects,recovery"); figures also in target/bench.jsonl
	$(CARGO) build --profile quick -p cairn -p benches
	test -x $(REFERENCE)/bin/s3s-fs || $(CARGO) install --locked --root $(REFERENCE) --features binary s3s-fs@0.14.1
	CAIRN_BENCH_DIR=$(TARGET_DIR)/bench-data $(TARGET_DIR)/quick/bench $(TARGET_DIR)/quick/cairn s3s-fs=$(REFERENCE)/bin/s3s-fs json=$(TARGET_DIR)/bench.jsonl $(ARGS)
	$(if $(ARGS),,$(TARGET_DIR)/quick/bench validate $(TARGET_DIR)/quick/cairn $(or $(wildcard .venv/bin/aws),aws))

bench-patterns: ## measure filter patterns: 1, 15 and 1,000 of them, beside reading the event
	$(CARGO) run --profile quick -p pattern --example filter_speed

bench-search: ## import and search beside DuckDB: RECORDS=1000000 (ARGS="only=needle rounds=10"); ten million take 8 GB of disk
	$(CARGO) build --profile quick -p cairn -p benches
	tests/parity/tools
	CAIRN_BENCH_DIR=$(TARGET_DIR)/bench-data $(TARGET_DIR)/quick/bench search $(TARGET_DIR)/quick/cairn .venv/bin/python records=$(or $(RECORDS),1000000) json=$(TARGET_DIR)/bench-search.jsonl $(ARGS)

models: ## derive models/ from botocore again
	$(CARGO) run -p xtask -- models

release: ## build the optimised binary, target/release/cairn
	$(CARGO) build --locked --release -p cairn

parity: ## only the tests with the real AWS tools (ARGS="-k NAME" for pytest)
	$(CARGO) build -p cairn
	tests/parity/run $(ARGS)

parity-doc: ## write docs/parity.md again, after an operation was added
	$(CARGO) run -p xtask -- parity-doc

fuzz: ## fuzz one target: make fuzz TARGET=record_reader SECONDS=60 (SECONDS=keep moves what it learned into fuzz/corpus)
	@test -n "$(TARGET)" || { echo "name a target: make fuzz TARGET=…; there are:"; ls fuzz/fuzz_targets | sed -n 's/\.rs$$//p'; exit 1; }
	fuzz/run $(TARGET) $(or $(SECONDS),60)

clean: ## remove what was built (data folders stay)
	$(CARGO) clean
	rm -rf .venv fuzz/target
