//! A pool of instances of the component, linked ahead.

use std::sync::Arc;

use wasmtime::Store;
use wasmtime::component::{Component, InstancePre, Linker};

use super::functions::{Checked, Functions};
use super::generated::OpEngine;
use super::imports::SessionState;
use super::slots::{Slot, Slots};

/// Instances of the component.
pub(super) struct Pool {
    engine: wasmtime::Engine,
    component: InstancePre<SessionState>,
    functions: Arc<Functions>,
    slots: Arc<Slots>,
}

impl Pool {
    /// A pool of at most `max_sessions` instances at a time.
    pub(super) fn new(engine: wasmtime::Engine, component: &Component, max_sessions: u32) -> wasmtime::Result<Self> {
        let mut linker = Linker::new(&engine);
        OpEngine::link(&mut linker)?;
        Ok(Self {
            component: linker.instantiate_pre(component)?,
            functions: Functions::find(component)?,
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
    pub(super) fn instantiate(&self, store: &mut Store<SessionState>) -> wasmtime::Result<Checked> {
        self.functions.instantiate(&self.component, store)
    }
}
