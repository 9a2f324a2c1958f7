//! The functions of the interface `engine`: found once in a component, and checked once.
//!
//! Comparing a function's types with those of the host takes longer than calling it. All instances of a component have
//! the same types, so the first one answers for the others.

use std::marker::PhantomData;
use std::sync::{Arc, OnceLock};

use wasmtime::Store;
use wasmtime::component::{
    Component, ComponentExportIndex, ComponentNamedList, Instance, InstancePre, Lift, Lower, TypedFunc,
};

use super::generated::exports::automation::kv::engine::{Limits, Remembered, Terms};
use super::imports::SessionState;
use super::types::{Failure, Rejection, Reply, Request};
use crate::vault::TimestampMs;

/// The name of the interface.
const INTERFACE: &str = "automation:kv/engine@1.0.0";

/// Where the functions are, with the types that `wit/engine.wit` gives them.
pub(super) struct Functions {
    pub(super) open: Function<(Limits, TimestampMs), (Result<(), Failure>,)>,
    pub(super) execute: Function<(&'static Request,), (Result<Reply, Rejection>,)>,
    pub(super) begin: Function<(&'static Terms,), (Result<Option<Remembered>, Rejection>,)>,
    pub(super) finish: Function<(&'static str,), (Reply,)>,
    pub(super) abandon: Function<(), ()>,
    pub(super) restore: Function<(Option<u32>,), (Result<Reply, Failure>,)>,
    pub(super) savepoint: Function<(), (u32,)>,
    pub(super) commit: Function<(), (Result<(), Failure>,)>,
    are_checked: OnceLock<()>,
}

/// Where a function is, which takes `P` and gives `R`, both as tuples.
pub(super) struct Function<P, R> {
    name: &'static str,
    index: ComponentExportIndex,
    types: PhantomData<(P, R)>,
}

/// An instance whose functions have been checked.
pub(super) struct Checked {
    instance: Instance,
    pub(super) functions: Arc<Functions>,
}

impl Functions {
    /// Finds those that are called in a component.
    pub(super) fn find(component: &Component) -> wasmtime::Result<Arc<Self>> {
        Ok(Arc::new(Self {
            open: Function::find(component, "open")?,
            execute: Function::find(component, "execute")?,
            begin: Function::find(component, "begin")?,
            finish: Function::find(component, "finish")?,
            abandon: Function::find(component, "abandon")?,
            restore: Function::find(component, "restore")?,
            savepoint: Function::find(component, "savepoint")?,
            commit: Function::find(component, "commit")?,
            are_checked: OnceLock::new(),
        }))
    }

    /// Makes an instance of the component that they were found in, and checks their types if it is the first.
    pub(super) fn instantiate(
        self: &Arc<Self>,
        component: &InstancePre<SessionState>,
        store: &mut Store<SessionState>,
    ) -> wasmtime::Result<Checked> {
        let instance = component.instantiate(&mut *store)?;
        if self.are_checked.get().is_none() {
            self.check(&instance, store)?;
            self.are_checked.get_or_init(|| ());
        }
        Ok(Checked {
            instance,
            functions: Arc::clone(self),
        })
    }

    fn check(&self, instance: &Instance, store: &mut Store<SessionState>) -> wasmtime::Result<()> {
        self.open.check(instance, store)?;
        self.execute.check(instance, store)?;
        self.begin.check(instance, store)?;
        self.finish.check(instance, store)?;
        self.abandon.check(instance, store)?;
        self.restore.check(instance, store)?;
        self.savepoint.check(instance, store)?;
        self.commit.check(instance, store)
    }
}

impl<P, R> Function<P, R> {
    fn find(component: &Component, name: &'static str) -> wasmtime::Result<Self> {
        let interface = component.get_export_index(None, INTERFACE);
        let index = interface.and_then(|interface| component.get_export_index(Some(&interface), name));
        Ok(Self {
            name,
            index: index.ok_or_else(|| wasmtime::Error::msg(format!("`{INTERFACE}` has no function `{name}`")))?,
            types: PhantomData,
        })
    }

    /// The name, for messages.
    pub(super) fn name(&self) -> &'static str {
        self.name
    }
}

impl<P, R> Function<P, R>
where
    P: ComponentNamedList + Lower,
    R: ComponentNamedList + Lift,
{
    fn check(&self, instance: &Instance, store: &mut Store<SessionState>) -> wasmtime::Result<()> {
        instance
            .get_typed_func::<P, R>(store, &self.index)
            .map(drop)
            .map_err(|error| error.context(format!("the function `{}`", self.name)))
    }

    /// Calls it.
    #[expect(unsafe_code, reason = "a type that was checked once is not checked again")]
    pub(super) fn call(&self, of: &Checked, store: &mut Store<SessionState>, parameters: P) -> wasmtime::Result<R> {
        let function = of.instance.get_func(&mut *store, self.index);
        let function = function.ok_or_else(|| wasmtime::Error::msg("the instance is of another component"))?;
        // SAFETY: `check` has found these very types in an instance of the same component before a `Checked` was made; of
        // another component `get_func` gives none, since the index knows whose it is.
        let function = unsafe { TypedFunc::<P, R>::new_unchecked(function) };
        function.call(store, parameters)
    }
}
