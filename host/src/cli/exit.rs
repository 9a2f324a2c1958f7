//! How a command ends: its exit code, and one line on stderr if it failed.

use std::process::ExitCode;

use crate::engine::EngineError;
use crate::report::Chain;
use crate::service::ServiceError;

/// What an exit code says. `run` and `dry-run` end with the code of the command that they started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exit {
    /// It failed for a reason that has no code of its own.
    Failure = 1,
    /// It was asked for something that makes no sense. The command line's parser uses the same code.
    Usage = 2,
    /// What was asked for is not there.
    NotFound = 3,
    /// Somebody else changed it, or has it now; or a condition does not hold.
    Conflict = 4,
    /// It would be larger than allowed.
    TooLarge = 5,
    /// The token or the secret is not the right one.
    Unauthorized = 6,
    /// The command to start is there and cannot be run, as shells tell it.
    NotExecutable = 126,
    /// The command to start is not there, as shells tell it.
    NoSuchCommand = 127,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command failed: one line for stderr, and an exit code.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(super) struct CommandError {
    message: String,
    pub(super) exit: Exit,
}

impl CommandError {
    /// A failure without a code of its own.
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self::with(Exit::Failure, message)
    }

    /// A failure with a code.
    pub(super) fn with(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            exit,
        }
    }

    /// What an answer of the API with this status means to a command.
    pub(super) fn of_status(status: u16, message: impl Into<String>) -> Self {
        let exit = match status {
            401 | 403 => Exit::Unauthorized,
            404 | 410 => Exit::NotFound,
            409 | 412 => Exit::Conflict,
            413 => Exit::TooLarge,
            _ => Exit::Failure,
        };
        Self::with(exit, message)
    }
}

impl From<EngineError> for CommandError {
    fn from(error: EngineError) -> Self {
        let exit = match error {
            EngineError::Undecryptable(_) => Exit::Unauthorized,
            _ => Exit::Failure,
        };
        Self::with(exit, Chain(&error).to_string())
    }
}

impl From<ServiceError> for CommandError {
    fn from(error: ServiceError) -> Self {
        let exit = match &error {
            ServiceError::Deleted | ServiceError::UnknownAutomation => Exit::NotFound,
            ServiceError::Busy => Exit::Conflict,
            ServiceError::Engine(engine) if matches!(**engine, EngineError::Undecryptable(_)) => Exit::Unauthorized,
            _ => Exit::Failure,
        };
        Self::with(exit, Chain(&error).to_string())
    }
}
