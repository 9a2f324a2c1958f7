//! Which pool a session gets its instance from: one for states of its size, and of its thread.
//!
//! What a session has written stays in its slot, and is cleared behind every session there from then on, whether that one
//! wrote it too or not. So small states have slots that hardly any large one was ever in: clearing behind those cost a small
//! session more than all the rest of it.

use wasmtime::Engine;
use wasmtime::component::Component;

use super::EngineOptions;
use super::configuration::{self, Compilation};
use super::pool::Pool;
use crate::threads;

/// The most that a session on a small state is expected to hold, in bytes: the sealed state, and what is to be written.
const SMALL_BYTES: usize = 8 << 10;

/// The same for a state of the usual limit and some more.
const MEDIUM_BYTES: usize = 256 << 10;

/// What a session is to do.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Purpose {
    /// To read, and to write about so many bytes.
    Write { bytes: usize },
    /// To read.
    Read,
}

/// Pools of instances.
pub(super) struct Pools {
    /// From small to large; the last one takes everything.
    by_size: Vec<Size>,
    /// For what only reads large states, which writes half as much into its slot.
    large_reads: Option<Pool>,
}

struct Size {
    /// The largest sessions that belong here, in bytes.
    up_to: usize,
    pools: Vec<Pool>,
}

impl Pools {
    /// Compiles a component, once for all pools.
    ///
    /// For small and medium states each thread has a pool: a session writes some tens of kilobytes and the pool clears them
    /// behind it, and done on another processor than the last time, that memory has to travel between their caches. A large
    /// one takes so long that this does not matter, and runs mostly on threads that come and go.
    pub(super) fn compile(
        component: &[u8],
        options: EngineOptions,
        compilation: &Compilation,
    ) -> wasmtime::Result<Self> {
        let threads = options.pools.max(1);
        let shared = options.max_sessions.saturating_mul(threads);
        let sizes = match compilation {
            Compilation::Thorough => vec![
                (SMALL_BYTES, threads, options.max_sessions),
                (MEDIUM_BYTES, threads, options.max_sessions),
                (usize::MAX, 1, shared),
            ],
            // A command has one state.
            Compilation::Quick(_) => vec![(usize::MAX, threads, options.max_sessions)],
        };
        let code = Code::compile(component, compilation)?;
        let pool = |max_sessions| {
            let engine = configuration::engine(max_sessions, compilation)?;
            let component = code.load(&engine, component)?;
            Pool::new(engine, &component, max_sessions)
        };
        let large_reads = (sizes.len() > 1).then(|| pool(shared)).transpose()?;
        let pools = |(up_to, count, max_sessions)| {
            let pools = (0..count).map(|_| pool(max_sessions));
            Ok(Size {
                up_to,
                pools: pools.collect::<wasmtime::Result<_>>()?,
            })
        };
        Ok(Self {
            by_size: sizes.into_iter().map(pools).collect::<wasmtime::Result<_>>()?,
            large_reads,
        })
    }

    /// The pool for a session on a sealed state of so many bytes, on this thread.
    pub(super) fn of(&self, sealed_bytes: usize, purpose: Purpose) -> &Pool {
        let bytes = match (purpose, &self.large_reads) {
            (Purpose::Read, Some(pool)) if sealed_bytes > MEDIUM_BYTES => return pool,
            (Purpose::Read, _) => sealed_bytes,
            (Purpose::Write { bytes }, _) => sealed_bytes.saturating_add(bytes),
        };
        let larger = self.by_size.partition_point(|size| size.up_to < bytes);
        let pools = &self.by_size[larger].pools;
        &pools[threads::number_of_this() % pools.len()]
    }

    pub(super) fn engines(&self) -> impl Iterator<Item = &Engine> {
        let pools = self.by_size.iter().flat_map(|size| &size.pools);
        pools.chain(&self.large_reads).map(Pool::engine)
    }
}

/// A compiled component.
struct Code(Vec<u8>);

impl Code {
    /// Compiles on a thread that ends, so that what compiling took goes with it.
    fn compile(component: &[u8], compilation: &Compilation) -> wasmtime::Result<Self> {
        let compile = || Component::new(&configuration::engine(1, compilation)?, component)?.serialize();
        std::thread::scope(|scope| {
            let compiled = scope.spawn(compile).join();
            compiled.unwrap_or_else(|_| Err(wasmtime::Error::msg("the compiler crashed")))
        })
        .map(Self)
    }

    /// Loads it, or compiles it for an engine whose settings turned out otherwise.
    #[expect(
        unsafe_code,
        reason = "code that is loaded is run: here it is this process's own compiler's"
    )]
    fn load(&self, engine: &Engine, component: &[u8]) -> wasmtime::Result<Component> {
        // SAFETY: the bytes are what `serialize` gave, and nobody else had them since.
        let loaded = unsafe { Component::deserialize(engine, &self.0) };
        loaded.or_else(|error| {
            tracing::debug!(error = format!("{error:#}"), "compiling the engine for one pool alone");
            Component::new(engine, component)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::BUILT_IN_COMPONENT;

    #[test]
    fn large_sessions_are_in_slots_of_their_own() {
        let pools = Pools::compile(BUILT_IN_COMPONENT, EngineOptions::small(), &Compilation::Thorough).unwrap();
        let engine = |sealed_bytes, bytes| pools.of(sealed_bytes, Purpose::Write { bytes }).engine();
        let sizes = [
            0,
            SMALL_BYTES,
            SMALL_BYTES + 1,
            MEDIUM_BYTES,
            MEDIUM_BYTES + 1,
            usize::MAX,
        ];
        for sealed in [0, 100] {
            let of = |bytes: usize| engine(sealed.min(bytes), bytes.saturating_sub(sealed));
            let same = sizes.windows(2).map(|pair| Engine::same(of(pair[0]), of(pair[1])));
            assert_eq!(same.collect::<Vec<_>>(), [true, false, true, false, true]);
        }
    }

    #[test]
    fn reads_of_large_states_are_in_slots_of_their_own() {
        let pools = Pools::compile(BUILT_IN_COMPONENT, EngineOptions::small(), &Compilation::Thorough).unwrap();
        for (bytes, are_apart) in [(SMALL_BYTES, false), (MEDIUM_BYTES, false), (MEDIUM_BYTES + 1, true)] {
            let purposes = [Purpose::Read, Purpose::Write { bytes: 0 }];
            let [read, write] = purposes.map(|purpose| pools.of(bytes, purpose).engine());
            assert_eq!(Engine::same(read, write), !are_apart);
        }
    }

    #[test]
    fn a_command_has_one_pool_for_all() {
        let pools = Pools::compile(BUILT_IN_COMPONENT, EngineOptions::small(), &Compilation::Quick(None)).unwrap();
        assert_eq!(pools.engines().count(), 1);
        let [least, most] = [0, usize::MAX].map(|bytes| pools.of(bytes, Purpose::Read).engine());
        assert!(Engine::same(least, most));
    }
}
