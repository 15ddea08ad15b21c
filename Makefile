# The two commands of the README are `make run` and `make test`; the rest are their parts.
#
#   make run     builds, and answers a real question over this repository's own documents
#   make test    formats, lints and tests everything; installs what it needs into .venv and target/
#   make bench   measures; asserts nothing
#   make soak    kills the process at random points for a long time

QUESTION ?= How does a task survive a crash, and what happens to a step of an unsafe arm?
PYTHON   ?= python3
VENV     := .venv
OCTO     := $(or $(CARGO_TARGET_DIR),target)/debug/octollm-server
# A home of its own, so that trying the project leaves nothing behind.
RUN_HOME := target/run-home

.PHONY: run test lint fmt-check clippy lint-python deny doc test-rust bench bench-reflex train-reflex soak venv

run:
	cargo build --quiet --package octollm-server
	OCTOLLM_HOME=$(RUN_HOME) $(OCTO) run "$(QUESTION)" --docs README.md --docs docs

test: lint test-rust

lint: fmt-check lint-python clippy doc

fmt-check:
	cargo fmt --all -- --check

clippy:
	cargo clippy --workspace --all-targets --all-features --locked -- -D warnings
	cargo check --package octollm-core --no-default-features --locked
	cargo check --package octollm-core --no-default-features --features reflex --locked

lint-python: venv
	$(VENV)/bin/ruff check examples
	$(VENV)/bin/ruff format --check examples

doc:
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked

# Licences, advisories and sources of dependencies. Needs cargo-deny: `cargo install cargo-deny --locked`.
deny:
	cargo deny check licenses bans sources

venv: $(VENV)/.installed

$(VENV)/.installed: requirements-dev.txt examples/weather_arm/requirements.txt
	$(PYTHON) -m venv $(VENV) || { echo "error: no virtual environment; on Debian: apt-get install python3-venv" >&2; exit 1; }
	$(VENV)/bin/python -m pip install --quiet --requirement requirements-dev.txt --requirement examples/weather_arm/requirements.txt
	touch $@

test-rust: venv
	cargo test --workspace --all-features --locked
	OCTOLLM_PYTHON=$(CURDIR)/$(VENV)/bin/python \
		cargo test --workspace --all-features --locked --test weather --test python_arm -- --ignored

bench:
	cargo bench --package octollm-workspace

# What the reflexes cost, by length and by how much there is to find.
bench-reflex:
	cargo bench --package octollm-workspace --bench reflex

# The injection detector's weights out of a folder with train/*.jsonl and dev/*.jsonl.
train-reflex:
	cargo run --release --package train-reflex -- "$(DATA)" octollm-core/data/injection octollm-core/data/injection/weights.bin

soak:
	cargo test --release --package octollm-workspace --test crash -- --ignored soak --nocapture
