# Everything that CI checks, and what a fresh machine needs for it.

# Tests run on the code that ships: optimised, and built once for both.
CARGO_TEST := cargo test --release --locked --workspace

.PHONY: test setup setup-bench format lint docs unit bench bench-clients client-engine

test: setup format lint docs unit

# Installs what the tests need and the machine lacks; says what it cannot install.
setup:
	@tests/setup

format:
	cargo fmt --all --check

lint:
	cargo clippy --release --locked --workspace --all-targets -- -D warnings

docs:
	RUSTDOCFLAGS="-D warnings" cargo doc --release --locked --no-deps --workspace --lib

unit:
	$(CARGO_TEST)

# Prints the figures of docs/performance.md: the parts, then the whole beside Redis and pgbench.
bench: setup-bench
	cargo bench --locked -p automation-kv

# Installs what the benchmarks need beyond that.
setup-bench:
	@tests/setup redis-server

# Prints how long a script waits for the Python client.
bench-clients: setup
	cargo build --release --locked -p automation-kv
	cd clients/python && ../../target/clients/venv/bin/python -m benches.start

# Puts the engine's component, as the release build has made it, into the Python package: for wheels with KV.local.
client-engine:
	cargo build --release --locked -p automation-kv
	target/release/automation-kv engine export clients/python/src/automation_kv/engine.wasm
