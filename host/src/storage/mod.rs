//! Where sealed states live: one row for each automation, swapped compare-and-set.
//!
//! A storage knows neither keys nor what a state means. It promises that a saved state is durable
//! when the call returns, and that of two saves made on the same revision only one succeeds.

mod memory;
mod sqlite;

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;

use crate::automation::AutomationId;

pub use memory::MemoryStorage;
pub use sqlite::{SqliteOptions, SqliteStorage};

/// Counts the saves of one automation's row. A save is made on the revision that was loaded.
pub type Revision = i64;

/// What is stored for an automation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stored {
    /// Nothing yet.
    Absent,
    /// A state.
    Present(Record),
    /// The automation was deleted; nothing may be stored for it again.
    Deleted,
}

/// A stored state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// What a save on it must name.
    pub revision: Revision,
    /// The sealed state: a Fernet token.
    pub sealed: Vec<u8>,
}

/// How a save ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Swap {
    /// The state is durable.
    Saved,
    /// The row is not the one that was loaded: nothing was saved.
    Lost,
}

/// Given what is stored, gives the sealed state to store instead, if any.
pub type Step = Box<dyn FnOnce(Stored) -> Option<Vec<u8>> + Send>;

/// Why a storage did not do what it was asked. Whatever it is, nothing was saved.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StorageError {
    /// Somebody else holds the lock, past the deadline.
    #[error("the database is locked by another process")]
    Busy,
    /// The database did not answer, or refused.
    #[error("the database is not available")]
    Unavailable(#[source] Arc<dyn std::error::Error + Send + Sync>),
    /// The storage was closed.
    #[error("the storage is closed")]
    Closed,
}

/// Why a storage cannot be used at all. Each message is a whole line for an operator.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The URL is not one.
    #[error("the database URL {url:?} {problem}")]
    Url {
        /// The URL, without a password.
        url: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The database cannot be opened.
    #[error("cannot open the database {database}: {problem}")]
    Open {
        /// Which database.
        database: String,
        /// What went wrong.
        problem: String,
    },
    /// The database belongs to something else.
    #[error("the database {database} {problem}; nothing was changed")]
    NotOurs {
        /// Which database.
        database: String,
        /// Whose it seems to be.
        problem: String,
    },
}

/// Keeps sealed states.
#[async_trait]
pub trait Storage: Send + Sync + 'static {
    /// What is stored for an automation, as of some moment after the call: every save that returned before
    /// is seen.
    async fn load(&self, automation: AutomationId) -> Result<Stored, StorageError>;

    /// Saves a state if the row is still the one that was loaded: at revision `seen`, or, for none,
    /// absent. Waits for locks until `deadline` at most.
    async fn swap(
        &self,
        automation: AutomationId,
        seen: Option<Revision>,
        sealed: Vec<u8>,
        deadline: Instant,
    ) -> Result<Swap, StorageError>;

    /// Locks the row, lets `step` decide on what is stored, saves what it gives and unlocks: progress is
    /// certain, whoever else writes. Waits for the lock until `deadline` at most; `step` is dropped
    /// without being called if that does not come about.
    async fn update(&self, automation: AutomationId, step: Step, deadline: Instant) -> Result<(), StorageError>;

    /// Whether the database answers.
    async fn check(&self) -> Result<(), StorageError>;

    /// Finishes what was begun and lets go of the database.
    async fn close(&self);
}
