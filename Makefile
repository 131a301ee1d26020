# Everyday commands: `make` lists them.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# The folder that scripts/setup fills; its env.sh names the tools of the build and exports the folder for the tests.
ifeq ($(strip $(HEADSTART_CACHE)),)
  HEADSTART_CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/headstart
endif
export HEADSTART_CACHE
ENV := . "$$HEADSTART_CACHE/env.sh"

.PHONY: help setup build demo experiments test published cluster clients dist dist-check gpu-check lint bench-peers deny fmt

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## fetch what the build and the demo need into the cache folder, without root
	@scripts/setup

build: setup ## release binaries of the whole workspace, in target/release
	@$(ENV); set -x; cargo build --release --locked --workspace

demo: build ## logs -> language model -> policy -> online adaptation -> report, on MovieLens-100K
	@$(ENV); scripts/demo

# A plan of experiments/plans (small, full, paper), or the path of one; what is done already is kept.
PLAN ?= small
experiments: build ## the methods in the environments, at parts of the log, over seeds, into experiments-out/PLAN; PLAN=full for all
	@scripts/setup experiments
	@"$$HEADSTART_CACHE/experiments/python3" experiments/run $(PLAN) $(EXPERIMENTS_ARGUMENTS)

# The doc tests come first, so that the last lines are the test runner's summary.
test: build ## every test
	@$(ENV); set -x; cargo test --release --locked --workspace --doc
	@$(ENV); set -x; \
	if cargo nextest --version >/dev/null 2>&1; then \
		cargo nextest run --release --locked --workspace; \
	else \
		cargo test --release --locked --workspace --lib --bins --tests $(TEST_ARGUMENTS); \
	fi

published: build ## the importers on the files of the datasets as published, below HEADSTART_SHARED_DATA
	@$(ENV); set -x; cargo test --release --locked --workspace --test it -- --ignored the_published_files

cluster: build ## the tests on a Ray cluster of four raylets on this machine
	@$(ENV); set -x; cargo test --release --locked --workspace --test it -- --ignored --test-threads 1 cluster::

clients: build ## Python and TypeScript clients generated from the OpenAPI file, and schemathesis, against the server
	@set -x; online/clients/install
	@$(ENV); set -x; cargo test --release --locked --workspace --test it -- --ignored generated_clients::

dist: setup ## portable binaries, a tarball per tool and a wheel with all of them, into dist/
	@$(ENV); scripts/dist

dist-check: dist build ## the tarballs on emulated CPUs (needs qemu-user) and in a root folder that has a C library alone
	@$(ENV); set -x; cargo test --release --locked --workspace --test it -- --ignored a_portable_

gpu-check: setup ## the language model on a GPU by Vulkan, or by Mesa's software driver with GGML_VK_VISIBLE_DEVICES=0 (needs glslc, Vulkan's and SPIR-V's headers, and a driver)
	@$(ENV); set -x; cargo test --release --locked --workspace --features profiler/vulkan --test it -- --ignored on_a_gpu

lint: setup ## formatting and clippy, warnings denied
	@$(ENV); set -x; cargo fmt --all --check
	@$(ENV); set -x; cargo clippy --release --locked --workspace --all-targets -- -D warnings

# The files are those of `make demo`; PyTorch and the others are installed the first time.
PEERS := scripts/peers/beside
TOOLS ?= pretrain online profiler simulator
PEERS_pretrain = --log $(or $(OUT),demo-out)/data/log
PEERS_profiler = --model "$$(ls $(or $(OUT),demo-out)/model/*.gguf | head -n 1)"
PEERS_simulator = --environment $(or $(OUT),demo-out)/environment
bench-peers: build ## each tool's speed beside PyTorch, OpenBLAS, llama.cpp's server and Gymnasium, on the files of `make demo`
	@set -x; $(foreach tool,$(TOOLS),$(PEERS) $(tool) $(PEERS_$(tool));)

deny: ## licences, sources, advisories and who may depend on whom (needs cargo-deny)
	cargo deny --locked check

fmt: ## format the code
	cargo fmt --all
