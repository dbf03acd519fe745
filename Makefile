# What people and CI type. Each target works from a fresh checkout on Debian 12 and says what it installs.
#
#   make up          a working Berth on this machine, with a first server
#   make down        stops Berth and its guests
#   make test        everything that a change must pass
#   make test-full   the same with the Debian template and every real guest
#   make test-fresh  both, in a bare Debian 12 that it makes for the purpose
#   make bench       the figures of docs/benchmarks.md

SHELL := /bin/sh
CARGO ?= cargo
# The host parts of Berth need root. Everything else runs as whoever calls make.
AS_ROOT := $(if $(filter 0,$(shell id -u)),,sudo --preserve-env=BERTH_DATA,BERTH_DEMO,BERTH_LOG,BERTH_LOG_FORMAT,BERTH_DEBIAN_MIRROR)
TARGET := $(if $(CARGO_TARGET_DIR),$(CARGO_TARGET_DIR),target)
BERTH := $(TARGET)/release/berth

.PHONY: help up down uninstall build test test-full test-fresh bench lint fmt toolchain

help:
	@sed -n 's/^#   /  /p' Makefile

up: toolchain
	@scripts/debian-packages build node
	@scripts/start-libvirt
	@$(MAKE) --no-print-directory build
	@$(AS_ROOT) $(BERTH) up

down:
	@test -x $(BERTH) || { echo "Berth was never built here: nothing to stop."; exit 1; }
	@$(AS_ROOT) $(BERTH) down

uninstall:
	@test -x $(BERTH) || { echo "Berth was never built here: run 'make build' first."; exit 1; }
	@$(AS_ROOT) $(BERTH) uninstall

build: toolchain
	@scripts/web
	$(CARGO) build --release --locked -p berth

test: toolchain
	@scripts/test

test-full: toolchain
	@BERTH_TEST_FULL=1 scripts/test

test-fresh:
	@scripts/test-fresh

bench: toolchain
	@scripts/debian-packages build node test
	@scripts/start-libvirt
	@scripts/bench

lint: toolchain
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings
	$(CARGO) run -q --locked -p xtask -- tidy
	@if command -v cargo-deny >/dev/null; then $(CARGO) deny check; \
	else echo "cargo-deny is not installed: licences, sources and banned crates were checked by tidy, advisories were not."; fi

fmt:
	$(CARGO) fmt --all

toolchain:
	@command -v $(CARGO) >/dev/null || { \
	  echo "There is no Rust toolchain here. Install one (1.95 or newer), for instance from https://rustup.rs, and run this again."; \
	  exit 1; }
