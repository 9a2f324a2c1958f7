//! A pool of instances of the component, linked ahead.

use std::sync::Arc;

use wasmtime::Store;
use wasmtime::component::{Component, Linker};

use super::generated::{OpEngine, OpEnginePre};
use super::imports::SessionState;
use super::slots::{Slot, Slots};

/// Instances of the component.
pub(super) struct Pool {
    engine: wasmtime::Engine,
    component: OpEnginePre<SessionState>,
    slots: Arc<Slots>,
}

impl Pool {
    /// A pool of at most `max_sessions` instances at a time.
    pub(super) fn new(engine: wasmtime::Engine, component: &Component, max_sessions: u32) -> wasmtime::Result<Self> {
        let mut linker = Linker::new(&engine);
        OpEngine::link(&mut linker)?;
        Ok(Self {
            component: linker.instantiate_pre(component).and_then(OpEnginePre::new)?,
            slots: Arc::new(Slots::new(max_sessions)),
            engine,
        })
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
