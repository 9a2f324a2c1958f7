//! One session: a store, an instance, and the calls of the interface `engine`.

use wasmtime::component::{ComponentNamedList, Lift, Lower};
use wasmtime::{Store, StoreLimits, StoreLimitsBuilder, Trap};

use super::functions::{Checked, Function, Functions};
use super::generated::exports::automation::kv::engine::Limits;
use super::imports::SessionState;
use super::pools::Purpose;
use super::slots::Slot;
use super::types::{Failure, Rejection, Reply, Request};
use super::{Engine, EngineError, Remembered, Terms, configuration};
use crate::storage::Sealed;
use crate::vault::{AutomationVault, Change, TimestampMs};

/// What an instance needs besides its state: its stack, its code's data, a request.
const BASE_MEMORY_BYTES: usize = 32 << 20;

/// The most copies of a state that a session makes: sealed, opened, indexed, changed, sealed again.
const STATE_COPIES: usize = 16;

/// What a session works on.
pub struct Input {
    /// The sealed state, if there is one.
    pub sealed: Option<Vec<u8>>,
    /// The keys of the automation.
    pub vault: AutomationVault,
    /// The largest document, in bytes of compact JSON; 0 for no limit.
    pub max_state_bytes: u64,
    /// The largest single value, in bytes of compact JSON; 0 for no limit.
    pub max_value_bytes: u64,
    /// The time that the session's requests happen at.
    pub now: TimestampMs,
}

/// A fresh instance that opened a state. Dropping it forgets everything that was not committed.
pub struct Session {
    store: Store<SessionState>,
    instance: Checked,
    call_deadline_ticks: u64,
    now: TimestampMs,
    _slot: Slot,
}

impl Engine {
    /// Waits for a free slot, makes an instance and opens the state in it.
    pub fn open(&self, input: Input) -> Result<Session, EngineError> {
        self.open_to(Purpose::Write { bytes: 0 }, input)
    }

    /// The same for a session that only reads. It may write too, but its instance is one for readers.
    pub fn open_to_read(&self, input: Input) -> Result<Session, EngineError> {
        self.open_to(Purpose::Read, input)
    }

    /// The same for a session of whose purpose more is known.
    pub(crate) fn open_to(&self, purpose: Purpose, input: Input) -> Result<Session, EngineError> {
        let limits = Limits {
            state_bytes: input.max_state_bytes,
            value_bytes: input.max_value_bytes,
        };
        let now = input.now;
        let mut session = self.instantiate(purpose, input)?;
        let (opened,) = session.call(|functions| &functions.open, (limits, now))?;
        opened?;
        Ok(session)
    }

    /// Whether an instance can be made and called, with nothing in it.
    pub fn probe(&self, vault: AutomationVault) -> Result<(), EngineError> {
        let nothing = Input {
            sealed: None,
            vault,
            max_state_bytes: 1,
            max_value_bytes: 1,
            now: 0,
        };
        let mut session = self.instantiate(Purpose::Read, nothing)?;
        session.call(|functions| &functions.savepoint, ())?;
        Ok(())
    }

    fn instantiate(&self, purpose: Purpose, input: Input) -> Result<Session, EngineError> {
        let state_bytes = input.sealed.as_ref().map_or(0, Vec::len);
        let pool = self.shared.pools.of(state_bytes, purpose);
        let slot = pool.slot();
        let now = input.now;
        let max_state_bytes = usize::try_from(input.max_state_bytes).unwrap_or(usize::MAX);
        let mut store = pool.store(SessionState {
            is_stored: input.sealed.is_some(),
            sealed: input
                .sealed
                .map(|sealed| Some(Change::whole(sealed)))
                .into_iter()
                .collect(),
            before: None,
            saved: None,
            vault: input.vault,
            limits: limits(memory_bytes(state_bytes, max_state_bytes)),
        });
        store.set_epoch_deadline(self.shared.call_deadline_ticks);
        let instance = pool.instantiate(&mut store).map_err(EngineError::Instance)?;
        Ok(Session {
            store,
            instance,
            call_deadline_ticks: self.shared.call_deadline_ticks,
            now,
            _slot: slot,
        })
    }
}

impl Session {
    /// Carries out a request, all of it or nothing of it. A rejection is the caller's own fault and
    /// leaves the session usable; an error ends it.
    pub fn execute(&mut self, request: &Request) -> Result<Result<Reply, Rejection>, EngineError> {
        Ok(self.call(|functions| &functions.execute, (request,))?.0)
    }

    /// The time that all of it happens at.
    pub fn now(&self) -> TimestampMs {
        self.now
    }

    /// Begins a transaction: what is executed until its end happens together. Gives what is remembered of it, if it was carried
    /// out before.
    pub(super) fn begin(&mut self, terms: &Terms) -> Result<Result<Option<Remembered>, Rejection>, EngineError> {
        // What a transaction undoes has to be kept until its end.
        self.store.data_mut().limits = limits(configuration::MAX_MEMORY_BYTES);
        Ok(self.call(|functions| &functions.begin, (terms,))?.0)
    }

    /// Ends the transaction. The answer is what is remembered of it.
    pub(super) fn finish(&mut self, answer: &str) -> Result<Reply, EngineError> {
        Ok(self.call(|functions| &functions.finish, (answer,))?.0)
    }

    /// Undoes the transaction and ends it.
    pub(super) fn abandon(&mut self) -> Result<(), EngineError> {
        self.call(|functions| &functions.abandon, ())
    }

    /// Whether the session has found keys whose time had come.
    pub fn has_expired(&mut self) -> Result<bool, EngineError> {
        let reply = self.execute(&Request::of(Vec::new()))?;
        Ok(reply.is_ok_and(|reply| reply.has_expired))
    }

    /// Puts what an earlier state of the automation held in the place of all that the document holds, as one new version;
    /// none stands for a document without keys.
    pub fn restore(&mut self, earlier: Option<Vec<u8>>) -> Result<Reply, EngineError> {
        let state = self.store.data_mut();
        // It may be larger than what is stored and than what may be stored now. That an operator asked for it is limit enough.
        state.limits = limits(configuration::MAX_MEMORY_BYTES);
        let earlier = earlier.map(|bytes| state.put(Change::whole(bytes)));
        Ok(self.call(|functions| &functions.restore, (earlier,))?.0?)
    }

    /// Ends the session. Gives the state to save, sealed, if anything changed or keys were found expired.
    pub fn commit(mut self) -> Result<Option<Sealed>, EngineError> {
        self.call(|functions| &functions.commit, ())?.0?;
        Ok(self.store.data_mut().saved.take())
    }

    fn call<P, R>(
        &mut self,
        function: impl FnOnce(&Functions) -> &Function<P, R>,
        parameters: P,
    ) -> Result<R, EngineError>
    where
        P: ComponentNamedList + Lower,
        R: ComponentNamedList + Lift,
    {
        self.store.set_epoch_deadline(self.call_deadline_ticks);
        let function = function(&self.instance.functions);
        let called = function.call(&self.instance, &mut self.store, parameters);
        called.map_err(|source| {
            let call = function.name();
            match source.downcast_ref::<Trap>() {
                Some(Trap::Interrupt) => EngineError::Deadline { call },
                _ => EngineError::Trap { call, source },
            }
        })
    }
}

fn limits(memory_bytes: usize) -> StoreLimits {
    StoreLimitsBuilder::new()
        .memory_size(memory_bytes)
        .trap_on_grow_failure(true)
        .build()
}

/// How much memory a session may have: enough for the largest state it may come by.
fn memory_bytes(sealed_bytes: usize, max_state_bytes: usize) -> usize {
    if max_state_bytes == 0 {
        return configuration::MAX_MEMORY_BYTES;
    }
    BASE_MEMORY_BYTES
        .saturating_add(STATE_COPIES.saturating_mul(sealed_bytes.max(max_state_bytes)))
        .min(configuration::MAX_MEMORY_BYTES)
}

impl From<Failure> for EngineError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Vault(message) => Self::Undecryptable(message),
            Failure::Document(message) => Self::Unreadable(message),
            Failure::Storage(message) => Self::Trap {
                call: "storage",
                source: wasmtime::Error::msg(message),
            },
        }
    }
}
