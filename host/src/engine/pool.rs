//! Pools of instances of the component, one for each thread or so.
//!
//! A session writes some tens of kilobytes and the pool clears them behind it. Done on another processor than the last time,
//! that memory has to travel between their caches, which took more time than all the rest of a small session.

use std::sync::Arc;

use wasmtime::Store;
use wasmtime::component::{Component, Linker};

use super::EngineOptions;
use super::configuration::{self, Compilation};
use super::generated::{OpEngine, OpEnginePre};
use super::imports::SessionState;
use super::slots::{Slot, Slots};
use crate::threads;

/// Instances of the component.
pub(super) struct Pool {
    engine: wasmtime::Engine,
    component: OpEnginePre<SessionState>,
    slots: Arc<Slots>,
}

impl Pool {
    /// Compiles a component for each pool, all at the same time.
    pub(super) fn compile(
        component: &[u8],
        options: EngineOptions,
        compilation: &Compilation,
    ) -> wasmtime::Result<Vec<Self>> {
        std::thread::scope(|scope| {
            let compiling: Vec<_> = (0..options.pools.max(1))
                .map(|_| scope.spawn(|| Self::new(component, options.max_sessions, compilation)))
                .collect();
            let join = |thread: std::thread::ScopedJoinHandle<'_, _>| {
                thread
                    .join()
                    .unwrap_or_else(|_| Err(wasmtime::Error::msg("the compiler crashed")))
            };
            compiling.into_iter().map(join).collect()
        })
    }

    fn new(component: &[u8], max_sessions: u32, compilation: &Compilation) -> wasmtime::Result<Self> {
        let engine = configuration::engine(max_sessions, compilation)?;
        let component = Component::new(&engine, component)?;
        let mut linker = Linker::new(&engine);
        OpEngine::link(&mut linker)?;
        Ok(Self {
            component: linker.instantiate_pre(&component).and_then(OpEnginePre::new)?,
            slots: Arc::new(Slots::new(max_sessions)),
            engine,
        })
    }

    /// The pool of this thread.
    pub(super) fn of_this_thread(pools: &[Self]) -> &Self {
        &pools[threads::number_of_this() % pools.len()]
    }

    pub(super) fn engine(&self) -> &wasmtime::Engine {
        &self.engine
    }

    /// Waits for a free slot.
    pub(super) fn slot(&self) -> Slot {
        self.slots.take()
    }

    /// A store for one session.
    pub(super) fn store(&self, state: SessionState) -> Store<SessionState> {
        let mut store = Store::new(&self.engine, state);
        store.limiter(|state| &mut state.limits);
        store
    }

    /// A fresh instance.
    pub(super) fn instantiate(&self, store: &mut Store<SessionState>) -> wasmtime::Result<OpEngine> {
        self.component.instantiate(store)
    }
}
