# The commands of the project. `make` alone lists them.

HOST := $(shell rustc -vV | sed -n 's/^host: //p')
HOST_VARIABLE := $(shell echo $(HOST) | tr 'a-z-' 'A-Z_')
BIN := target/$(HOST)/release
VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)
export PLUMBLINE_REVISION := $(shell git rev-parse --short=12 HEAD 2>/dev/null)

# One build serves tests, demo, benchmarks and images: release, and on Linux with a static C library, so
# that what is tested is what ships.
export CARGO_BUILD_TARGET := $(HOST)
export CARGO_TARGET_$(HOST_VARIABLE)_RUSTFLAGS := $(shell docker/rustflags.sh)

MERGE_IMAGE := merge-job:$(VERSION)
ANALYZER_IMAGE := analyzer-job:$(VERSION)
MODEL_IMAGE := plumbline-model-server:$(VERSION)

# The acceptance suite is kept outside this repository; without it these targets say so.
ACCEPTANCE := ../shared/acceptance
# Groups of cases that must pass. A group once listed here stays.
ACCEPTANCE_GROUPS := merge-* golden-* monitor-* bias-* error-* explain-* shap-* reading-* dryrun-* promise-* quality-* model-quality-*

.PHONY: help build demo test lint dependencies check-fuzz fuzz mutants version images test-images test-browser test-clients \
	test-docs test-spark test-hosts bench bench-scale bench-instructions bench-peers bench-shapley bench-constants push-images acceptance acceptance-images

help: ## list the commands
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 20

build: ## build both programs and the tools of tests and demo
	cargo build --release --locked --workspace

demo: build ## merge, bias and attributions on generated traffic, with a small local model server
	tests/demo.sh $(BIN)

# Without the examples, which `make lint` compiles.
ARGS ?= --workspace --tests
test: ## all tests of the project (no docker, no network but the package registry); ARGS="-p merge-job" for some of them
	cargo test --release --locked $(ARGS)

SCRIPTS := .ci/run $(wildcard analyzer-job/benches/*.sh docker/*.sh tests/*.sh tests/*/*.sh examples/*.sh)
lint: ## format, lints, names of errors and settings in step with their pages
	cargo fmt --all --check
	cargo clippy --release --locked --workspace --all-targets -- -D warnings
	docker/check.sh
	@if command -v shellcheck >/dev/null; then shellcheck $(SCRIPTS); else \
		echo "left out: shellcheck: not installed, scripts are only parsed"; \
		for script in $(SCRIPTS); do bash -n $$script || exit 1; done; fi

dependencies: ## licences, sources and bans of deny.toml; dependencies that are declared and not used
	python3 tests/dependencies.py
	@if cargo deny --version >/dev/null 2>&1; then cargo deny --offline check bans licenses sources; else \
		echo "left out: deny: cargo-deny is not installed, so no advisories; tests/dependencies.py holds the rest"; fi

# The fuzz targets are a workspace of their own, with the versions of ours. On the stable compiler they are only checked.
fuzz/Cargo.lock: Cargo.lock
	cp Cargo.lock fuzz/Cargo.lock

check-fuzz: fuzz/Cargo.lock ## compile the fuzz targets, without running them
	@if command -v c++ >/dev/null; then cargo check --release --manifest-path fuzz/Cargo.toml --target-dir target; else \
		echo "left out: fuzz: no C++ compiler for libFuzzer"; fi

TARGET ?= merge_line
TIME ?= 60
fuzz: fuzz/Cargo.lock ## a fuzz target for some seconds (cargo-fuzz, nightly compiler): TARGET=merge_line TIME=3600
	cargo +nightly fuzz run --target $(HOST) $(TARGET) -- -max_total_time=$(TIME)

FILES ?=
mutants: ## which small changes of FILES="merge-job/src/join.rs ..." no test notices (cargo-mutants)
	cargo mutants --in-place --output target $(foreach file,$(FILES),--file $(file)) -- --release --tests

TO ?=
version: ## make this version TO=0.2.0 everywhere it stands
	docker/version.sh $(VERSION) $(TO)

images: build ## both container images, from scratch and the static programs
	docker/build.sh $(BIN) $(VERSION) "$(PLUMBLINE_REVISION)"

test-images: images ## the images against the programs: same bytes, read-only, other users, small memory
	tests/images.sh $(BIN) $(MERGE_IMAGE) $(ANALYZER_IMAGE)

test-hosts: images ## three containers as the hosts of one job with sharded data, then one that combines
	tests/hosts.sh $(BIN) $(ANALYZER_IMAGE)

test-browser: build ## the reports in a real browser, a real notebook kernel and a real PDF reader
	tests/browser/run.sh $(BIN)

test-clients: images ## the unmodified SageMaker SDK in local mode against the images; the pages' commands with Docker
	tests/docs.sh $(BIN) docker
	tests/clients/run.sh $(BIN) $(MERGE_IMAGE) $(ANALYZER_IMAGE) $(MODEL_IMAGE)

test-spark: build ## plumbline.spark on a real PySpark with two executors, equal to single runs (needs Java; PySpark from PyPI)
	tests/spark/run.sh $(BIN)

test-docs: build ## the commands of README and docs/ as they are written, but for those that need AWS or Docker
	tests/docs.sh $(BIN)

PYTHON ?= python3
SECTIONS ?=
bench: build ## speed and memory of the programs on generated data; SECTIONS="merge flip" for some of them, SCALE=0.01 for less data
	tests/bench.sh $(BIN) $(SECTIONS)

bench-scale: build ## one process, two that fold and one that combines, and Spark, on the same 5 GB (SCALE=0.01 for less)
	tests/scale.sh $(BIN)

bench-instructions: build ## instructions of fixed small runs under callgrind, against their budgets
	tests/instructions.sh $(BIN)

WORK ?=
SCALE ?= 1
TURNS ?= 3
PAGE ?=
bench-peers: build ## the same work by other programs, results held equal first: WORK="merge bias" SCALE=0.1 PAGE=docs/benchmarks.md
	$(PYTHON) tests/peers/run.py $(BIN) --work "$(WORK)" --scale $(SCALE) --turns $(TURNS) $(if $(PAGE),--page $(PAGE))

bench-shapley: ## error of the attributions by budget, beside the figures of the shap library
	cargo bench --locked -p analyzer-job --bench shapley

NAMES ?=
bench-constants: ## what other values of the estimator's constants do to error and time; NAMES="FLOOR WINDOW" for some
	analyzer-job/benches/constants.sh $(NAMES)

ECR ?=
push-images: images ## push both images to the ECR registry named by ECR=ACCOUNT.dkr.ecr.REGION.amazonaws.com
	docker/push.sh "$(ECR)" $(MERGE_IMAGE) $(ANALYZER_IMAGE)

ONLY := $(foreach group,$(ACCEPTANCE_GROUPS),--only '$(group)')

acceptance: build ## the black-box suite against the programs
	python3 $(ACCEPTANCE)/run.py --merge $(BIN)/merge-job --analyzer $(BIN)/analyzer-job $(ONLY)

acceptance-images: images ## the black-box suite against the images, plain and hardened
	python3 $(ACCEPTANCE)/run.py --merge-image $(MERGE_IMAGE) --analyzer-image $(ANALYZER_IMAGE) --jobs 2 $(ONLY)
	python3 $(ACCEPTANCE)/run.py --merge-image $(MERGE_IMAGE) --analyzer-image $(ANALYZER_IMAGE) --jobs 2 --hardened $(ONLY)
