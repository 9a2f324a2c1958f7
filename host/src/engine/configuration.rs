//! wasmtime's settings: a pool of warm instances where the machine has the address space for it.

use wasmtime::{
    Cache, Config, Enabled, Engine, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig, RegallocAlgorithm,
};

/// Memory that a slot of the pool keeps for its next instance instead of giving it back: all that an instance starts with, and
/// what a state of a mebibyte needs beyond that. Only what was ever used is there.
const KEEP_RESIDENT_BYTES: usize = 4 << 20;

/// The same for its tables of functions.
const KEEP_RESIDENT_TABLE_BYTES: usize = 64 << 10;

/// The most that any instance may be given; sessions get less, by the size of their state.
pub(super) const MAX_MEMORY_BYTES: usize = 1 << 30;

/// What compiling is to be good for.
pub(super) enum Compilation {
    /// Fast sessions, for a service that runs for long.
    Thorough,
    /// An early start, for a command: less than half the work, and none if the cache holds the code already.
    Quick(Option<Cache>),
}

/// An engine for sessions, at most `max_sessions` at a time.
///
/// A pool reserves gigabytes of address space for each instance. Where that is refused, sessions are
/// allocated on demand, which costs them some 15 µs each.
pub(super) fn engine(max_sessions: u32, compilation: &Compilation) -> wasmtime::Result<Engine> {
    let mut config = common(compilation);
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(max_sessions)));
    Engine::new(&config).or_else(|error| {
        tracing::warn!(
            error = format!("{error:#}"),
            "no address space for an instance pool, allocating on demand"
        );
        Engine::new(&common(compilation))
    })
}

fn common(compilation: &Compilation) -> Config {
    let mut config = Config::new();
    config.wasm_component_model(true);
    config.memory_init_cow(true);
    config.epoch_interruption(true);
    config.concurrency_support(false);
    match compilation {
        // The thread that compiles ends, and what it took for that goes with it. Those of wasmtime would stay.
        Compilation::Thorough => {
            config.parallel_compilation(false);
        }
        Compilation::Quick(cache) => {
            config.cranelift_opt_level(OptLevel::None);
            config.cranelift_regalloc_algorithm(RegallocAlgorithm::SinglePass);
            config.cache(cache.clone());
        }
    }
    config
}

fn pool(max_sessions: u32) -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(max_sessions)
        .total_core_instances(max_sessions.saturating_mul(4))
        .total_memories(max_sessions)
        .total_tables(max_sessions.saturating_mul(4))
        .max_memory_size(MAX_MEMORY_BYTES)
        .linear_memory_keep_resident(KEEP_RESIDENT_BYTES)
        .table_keep_resident(KEEP_RESIDENT_TABLE_BYTES)
        .pagemap_scan(Enabled::Auto);
    pool
}
