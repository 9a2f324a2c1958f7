//! How a plugin can fail in a way that it did not mean to.

use wasmtime::Trap;

use super::linking::PluginState;
use super::{MAX_LOG_BYTES, MAX_OPERATIONS, MAX_OUTPUT_BYTES, MAX_REMEMBERED_BYTES};

/// What a plugin did wrong. The call is over then, and undone. The texts are for callers and for the plugin's author.
#[derive(Debug, thiserror::Error)]
pub enum PluginFault {
    /// It crashed: the WebAssembly trap.
    #[error("crashed: {0}")]
    Trap(String),
    /// It ran for too long.
    #[error("ran longer than its deadline")]
    Deadline,
    /// It carried out too many instructions.
    #[error("carried out more instructions than it may")]
    Fuel,
    /// It took too much memory.
    #[error("took more memory than it may have")]
    Memory,
    /// Its calls were nested too deep.
    #[error("used up its stack")]
    Stack,
    /// It asked the state for too much.
    #[error("asked for more than {MAX_OPERATIONS} operations")]
    Operations,
    /// It wrote too much to the log.
    #[error("wrote more than {MAX_LOG_BYTES} bytes to the log")]
    Log,
    /// It moved too much at once.
    #[error("handed over too much data at once")]
    Data,
    /// Its output is too large.
    #[error("gave an output of more than {MAX_OUTPUT_BYTES} bytes, or {MAX_REMEMBERED_BYTES} with an idempotency key")]
    OutputSize,
    /// Its output is not what its schema says.
    #[error("gave an output that does not fit its schema: {0}")]
    Output(String),
    /// It used the state before it was called.
    #[error("used the state outside of a call")]
    NoState,
}

impl PluginFault {
    /// A name for programs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Trap(_) => "trap",
            Self::Deadline => "deadline",
            Self::Fuel => "fuel",
            Self::Memory => "memory",
            Self::Stack => "stack",
            Self::Operations => "operations",
            Self::Log => "log",
            Self::Data => "data",
            Self::OutputSize => "output_size",
            Self::Output(_) => "output",
            Self::NoState => "no_state",
        }
    }

    /// Whether the plugin has used up what it may, which takes time from others.
    pub(super) fn is_greedy(&self) -> bool {
        matches!(
            self,
            Self::Deadline | Self::Fuel | Self::Memory | Self::Operations | Self::Log | Self::Data
        )
    }

    /// What an error of wasmtime means, that a call ended with.
    pub(super) fn of(error: &wasmtime::Error, state: &mut PluginState) -> Self {
        /// How wasmtime's error for this begins, which has no public type.
        const TOO_MUCH_DATA: &str = "too much data is being copied";
        if let Some(fault) = state.fault.take() {
            return fault;
        }
        if state.memory.is_exceeded {
            return Self::Memory;
        }
        match error.downcast_ref::<Trap>() {
            Some(Trap::Interrupt) => Self::Deadline,
            Some(Trap::OutOfFuel) => Self::Fuel,
            Some(Trap::StackOverflow) => Self::Stack,
            Some(trap) => Self::Trap(trap.to_string()),
            None if error.root_cause().to_string().starts_with(TOO_MUCH_DATA) => Self::Data,
            None => Self::Trap(error.root_cause().to_string()),
        }
    }
}
