//! One call: a fresh instance in the caller's session.

use std::time::{Duration, Instant};

use serde_json::Value;
use wasmtime::{Store, Trap, UpdateDeadline};

use super::fault::PluginFault;
use super::generated::PluginPre;
use super::generated::exports::automation::kv::operation_plugin::{self, PluginError};
use super::linking::{Line, PluginState};
use super::pace::{LongCall, processor_time};
use super::{Inadmissible, MAX_OUTPUT_BYTES, MAX_WAITING, Plugin, PluginOptions, Shared};
use crate::engine::types::{OperationNames, Rejection, Scope};
use crate::engine::{EngineError, Session};

/// The most that a plugin may hand over in one call of a function, in bytes.
const MAX_HANDED_OVER_BYTES: usize = 32 << 20;

/// How long a call may run like any other request.
const QUICK: Duration = Duration::from_millis(5);

/// The longest text of an error that is passed on, in characters.
const MAX_ERROR_CHARS: usize = 1_000;

/// Why a call was not carried out. Nothing of it happened.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The plugin cannot work with the input.
    #[error("{0}")]
    InvalidInput(String),
    /// The plugin cannot work with the state as it is.
    #[error("{0}")]
    Conflict(String),
    /// An operation of the plugin was refused, and it passes that on.
    #[error("an operation of the plugin was refused")]
    Rejected(Rejection),
    /// The plugin gave up.
    #[error("{0}")]
    Failed(String),
    /// The plugin is broken.
    #[error("the plugin {0}")]
    Fault(#[from] PluginFault),
}

/// What is known of a call when it is over.
#[derive(Debug)]
pub struct CallReport {
    /// The lines that the plugin wrote to the log.
    pub lines: Vec<Line>,
    /// How long it took.
    pub duration: Duration,
    /// Whether the plugin used up something that it may have only so much of.
    pub is_greedy: bool,
    /// The plugin's fault, if it is broken: its name, and all that is known for the log.
    pub fault: Option<(&'static str, String)>,
}

/// A call that is over, and the session that it was made in.
pub(in crate::engine) struct Called {
    pub(in crate::engine) session: Session,
    /// The output, compact JSON.
    pub(in crate::engine) result: Result<String, CallError>,
    pub(in crate::engine) report: CallReport,
}

impl Plugin {
    /// Calls it on a session, within the caller's scope. The session must be in a transaction, which is to be abandoned if the
    /// result is an error. An error of the engine's ends the session.
    pub(in crate::engine) fn invoke(
        &self,
        session: Session,
        scope: Option<&Scope>,
        input: &String,
    ) -> Result<Called, EngineError> {
        let begun = Instant::now();
        let scope = self.scope(scope);
        let mut store = store(
            &self.shared,
            PluginState::new(Some(session), scope, &self.shared.options),
        );
        let invoked = self.component.instantiate(&mut store).and_then(|plugin| {
            let interface = plugin.automation_kv_operation_plugin();
            interface.call_invoke(&mut store, input)
        });
        let mut state = store.into_data();
        if let Some(error) = state.failure.take() {
            return Err(error);
        }
        let mut trap = None;
        let result = match invoked {
            Ok(Ok(output)) => self.output(&output).map_err(CallError::from),
            Ok(Err(error)) => Err(error.into()),
            Err(error) => {
                let fault = PluginFault::of(&error, &mut state);
                trap = Some(format!("{error:?}"));
                Err(fault.into())
            }
        };
        let PluginState { session, lines, .. } = state;
        let Some(session) = session else {
            return Err(EngineError::Trap {
                call: "execute",
                source: wasmtime::Error::msg("the session of a plugin's call is gone"),
            });
        };
        let is_greedy = matches!(&result, Err(CallError::Fault(fault)) if fault.is_greedy());
        let fault = match &result {
            Err(CallError::Fault(fault)) => Some((fault.name(), trap.unwrap_or_else(|| fault.to_string()))),
            _ => None,
        };
        Ok(Called {
            session,
            result,
            report: CallReport {
                lines,
                duration: begun.elapsed(),
                is_greedy,
                fault,
            },
        })
    }

    /// The caller's scope; less, if the plugin says that it does not write.
    fn scope(&self, scope: Option<&Scope>) -> Option<Scope> {
        let mut scope = scope.cloned();
        if !self.description.writes {
            let everything = || Scope {
                may_write: true,
                key_prefixes: None,
                operations: OperationNames::all(),
            };
            scope.get_or_insert_with(everything).may_write = false;
        }
        scope
    }

    /// The output, if it fits the schema: compact.
    fn output(&self, output: &str) -> Result<String, PluginFault> {
        if output.len() > MAX_OUTPUT_BYTES {
            return Err(PluginFault::OutputSize);
        }
        let value: Value =
            serde_json::from_str(output).map_err(|error| PluginFault::Output(format!("it is not JSON: {error}")))?;
        self.output.check_value(&value).map_err(|misfits| {
            let misfits: Vec<_> = misfits.iter().map(ToString::to_string).collect();
            PluginFault::Output(misfits.join("; "))
        })?;
        Ok(value.to_string())
    }
}

/// Asks a plugin what it is.
pub(super) fn describe(
    shared: &Shared,
    component: &PluginPre<PluginState>,
) -> Result<operation_plugin::Description, Inadmissible> {
    let mut store = store(shared, PluginState::new(None, None, &shared.options));
    let described = component
        .instantiate(&mut store)
        .and_then(|plugin| plugin.automation_kv_operation_plugin().call_describe(&mut store));
    described.map_err(|error| Inadmissible::Describe(PluginFault::of(&error, store.data_mut())))
}

fn store(shared: &Shared, state: PluginState) -> Store<PluginState> {
    let PluginOptions { deadline, fuel, .. } = shared.options;
    let mut store = Store::new(&shared.engine, state);
    store.limiter(|state| &mut state.memory);
    store.set_epoch_deadline(1);
    let mut clock = Clock::start(deadline);
    store.epoch_deadline_callback(move |_| clock.tick());
    store.set_hostcall_fuel(MAX_HANDED_OVER_BYTES);
    // It only fails where fuel is not counted.
    let _ = store.set_fuel(fuel);
    store
}

/// The time of one call.
struct Clock {
    begun: Instant,
    begun_running: Duration,
    deadline: Duration,
    /// Once it has run for long.
    long: Option<LongCall>,
}

impl Clock {
    fn start(deadline: Duration) -> Self {
        Self {
            begun: Instant::now(),
            begun_running: processor_time(),
            deadline,
            long: None,
        }
    }

    /// Lets a call go on that has time left, with what others leave over once it has run for a while.
    fn tick(&mut self) -> wasmtime::Result<UpdateDeadline> {
        let has_run = processor_time().saturating_sub(self.begun_running);
        let rested = self.long.as_ref().map_or(Duration::ZERO, LongCall::rested);
        let taken = self.begun.elapsed().saturating_sub(rested);
        if has_run >= self.deadline || taken >= self.deadline * MAX_WAITING {
            return Err(Trap::Interrupt.into());
        }
        match &mut self.long {
            Some(long) => long.rest(),
            None if has_run >= QUICK => self.long = LongCall::begin(self.deadline),
            None => {}
        }
        Ok(UpdateDeadline::Continue(1))
    }
}

impl From<PluginError> for CallError {
    fn from(error: PluginError) -> Self {
        match error {
            PluginError::InvalidInput(message) => Self::InvalidInput(shortened(message)),
            PluginError::Conflict(message) => Self::Conflict(shortened(message)),
            PluginError::Rejected(rejection) => Self::Rejected(rejection),
            PluginError::Failed(message) => Self::Failed(shortened(message)),
        }
    }
}

fn shortened(mut message: String) -> String {
    if let Some((end, _)) = message.char_indices().nth(MAX_ERROR_CHARS) {
        message.truncate(end);
        message.push('…');
    }
    message
}
