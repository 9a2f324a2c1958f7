//! Where sealed states live: one row for each automation, swapped compare-and-set.
//!
//! A storage knows neither keys nor what a state means. It promises that a saved state is durable
//! when the call returns, and that of two saves made on the same revision only one succeeds.

mod archive;
mod memory;
mod postgres;
mod sqlite;
mod text;

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;

use crate::automation::{AutomationId, RunId};

pub use archive::{Archive, Kept, Place, RowCounts, SealedRow};
pub use memory::MemoryStorage;
pub use postgres::{PostgresStorage, PostgresUrl};
pub use sqlite::SqliteStorage;

/// How a database is used, whichever it is.
#[derive(Debug, Clone, Copy)]
pub struct StorageOptions {
    /// Take over a database of the Python service.
    pub adopt: bool,
    /// The longest wait for a lock within the database; a whole statement may take twice that.
    pub lock_timeout: Duration,
    /// Connections to a database server, at most.
    pub connections: u32,
    /// Refuse a database that is not there or not up to date, instead of making it so.
    pub existing: bool,
}

impl Default for StorageOptions {
    fn default() -> Self {
        Self {
            adopt: false,
            lock_timeout: Duration::from_secs(5),
            connections: 10,
            existing: false,
        }
    }
}

/// Counts the saves of one automation's row, and how often it was sealed anew. A save is made on the revision that was
/// loaded.
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
    /// The database of the Python service does not know this automation, so nothing can be stored for it.
    Unknown,
}

/// A stored state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// What a save on it must name.
    pub revision: Revision,
    /// The sealed state: a Fernet token, or two with a mark between them.
    pub sealed: Vec<u8>,
}

/// A state to save.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sealed {
    /// The sealed state: a Fernet token; or that of an earlier state, a full stop, and that of what has changed since.
    pub bytes: Vec<u8>,
    /// Whether what comes before the full stop is what comes before it in the state that is replaced, or is all of that, so
    /// that it need not be stored again.
    pub keeps_base: bool,
    /// When the first of the keys in it stops to exist, in milliseconds since 1970; none if none does.
    pub expires_at: Option<u64>,
    /// Under what to keep the state that it replaces, in the same transaction; none to let it go.
    pub keep: Option<Keep>,
}

/// Under what a state is kept that a run is about to replace for the first time. A run that has one kept already keeps
/// that one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keep {
    /// The run.
    pub run: RunId,
    /// The version of the state that is replaced; 0 if there is none.
    pub version: u64,
    /// Its size, in bytes of compact JSON.
    pub size_bytes: u64,
    /// Of how many runs of the automation to keep one, this one included, at least 1; those with the lowest versions go.
    pub runs: u32,
}

/// An automation with a state, as an operator sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Which.
    pub automation: AutomationId,
    /// What is stored for it.
    pub record: Record,
    /// When it first wrote, in milliseconds since 1970.
    pub created_at: u64,
    /// When it last wrote, in milliseconds since 1970.
    pub updated_at: u64,
}

/// How a save ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Swap {
    /// The state is durable.
    Saved,
    /// The row is not the one that was loaded: nothing was saved.
    Lost,
}

/// Given what is stored, gives the state to store instead, if any.
pub type Step = Box<dyn FnOnce(Stored) -> Option<Sealed> + Send>;

/// Why a storage did not do what it was asked. Nothing was saved, except perhaps where
/// [`OutcomeUnknown`](Self::OutcomeUnknown) says so.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StorageError {
    /// Somebody else holds the lock, past the deadline.
    #[error("the database is locked by another process")]
    Busy,
    /// The database did not answer, or refused.
    #[error("the database is not available")]
    Unavailable(#[source] Arc<dyn std::error::Error + Send + Sync>),
    /// The disk is full.
    #[error("the database has no room left")]
    Full(#[source] Arc<dyn std::error::Error + Send + Sync>),
    /// The answer to a save got lost, and what became of it could not be found out.
    #[error("the answer to a save got lost: it may have happened or not")]
    OutcomeUnknown(#[source] Arc<dyn std::error::Error + Send + Sync>),
    /// The database of the Python service does not know this automation.
    #[error("the database has no such automation")]
    UnknownAutomation,
    /// No connection to the database became free in time.
    #[error("no connection to the database became free in time")]
    NoConnection,
    /// The storage was closed.
    #[error("the storage is closed")]
    Closed,
}

impl StorageError {
    /// A failure that no library reported.
    fn unavailable(problem: &'static str) -> Self {
        Self::Unavailable(Arc::new(std::io::Error::other(problem)))
    }
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
    /// The database lacks tables, or columns of them, and was not to be changed.
    #[error("the database {database} is not there or not up to date; `automation-kv migrate` makes it so")]
    Outdated {
        /// Which database.
        database: String,
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

/// Connections to a database server.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Connections {
    /// Made and not lost.
    pub open: u32,
    /// Waiting for the server's answer.
    pub busy: u32,
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
        sealed: Sealed,
        deadline: Instant,
    ) -> Result<Swap, StorageError>;

    /// Locks the row, lets `step` decide on what is stored, saves what it gives and unlocks: progress is
    /// certain, whoever else writes. Waits for the lock until `deadline` at most; `step` is dropped
    /// without being called if that does not come about. Where there is no row yet to lock, somebody else may
    /// make it in between: that is the only way to lose.
    async fn update(&self, automation: AutomationId, step: Step, deadline: Instant) -> Result<Swap, StorageError>;

    /// Removes an automation's state and its history for good and leaves a tombstone, also if there never was a state.
    /// Gives whether there was one.
    async fn delete(&self, automation: AutomationId, deadline: Instant) -> Result<bool, StorageError>;

    /// At most `limit` automations with a state whose ids come after `after`, in the order of their ids.
    async fn list(&self, after: Option<AutomationId>, limit: u32) -> Result<Vec<Listed>, StorageError>;

    /// At most `limit` automations with a state in which a key's time has come at `now_ms`, milliseconds since 1970; those
    /// that are due longest come first.
    async fn expired(&self, now_ms: u64, limit: u32) -> Result<Vec<AutomationId>, StorageError>;

    /// The history, and every row's seal.
    fn archive(&self) -> &dyn Archive;

    /// Whether a load takes so long that a write should rather try without one, on what the write before it left.
    fn has_costly_loads(&self) -> bool {
        false
    }

    /// What tells this database from every other one that could be meant by the same name on this machine; none unless any
    /// number of services may use it at once.
    fn identity(&self) -> Option<&str> {
        None
    }

    /// How many connections are open to a database server, and how many of them are at work.
    fn connections(&self) -> Connections {
        Connections::default()
    }

    /// Whether the database answers.
    async fn check(&self) -> Result<(), StorageError>;

    /// Finishes what was begun and lets go of the database.
    async fn close(&self);
}
