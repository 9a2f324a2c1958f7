//! What a storage keeps beside the states as they are, and work on every row of it: the history, and rotation.

use std::time::Instant;

use async_trait::async_trait;

use super::{Revision, StorageError, Swap};
use crate::automation::{AutomationId, RunId};

/// What is known of a state that was kept before a run first wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The run.
    pub run: RunId,
    /// The state's version, before the run wrote; 0 if there was none.
    pub version: u64,
    /// Its size, in bytes of compact JSON.
    pub size_bytes: u64,
    /// When the run first wrote, in milliseconds since 1970.
    pub kept_at: u64,
}

/// A row with a sealed state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedRow {
    /// Whose state it is.
    pub automation: AutomationId,
    /// Where it stands.
    pub place: Place,
    /// The sealed state.
    pub sealed: Vec<u8>,
}

/// Where a sealed state stands, and what it is recognised by there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// It is the automation's state, at this revision.
    State(Revision),
    /// It was kept before a run first wrote, and has this version.
    History(RunId, u64),
}

/// How many sealed states there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RowCounts {
    /// Automations with a state.
    pub states: u64,
    /// States in the history.
    pub history: u64,
}

/// The history of states, and the seals of all of them.
#[async_trait]
pub trait Archive: Send + Sync {
    /// What is kept for an automation, the highest version first.
    async fn history(&self, automation: AutomationId) -> Result<Vec<Kept>, StorageError>;

    /// The sealed state that was kept before a run first wrote: none if nothing is kept for it, none within if there was no
    /// state.
    async fn kept(&self, automation: AutomationId, run: &RunId) -> Result<Option<Option<Vec<u8>>>, StorageError>;

    /// At most `limit` sealed states of the history that come after `after`, in the order of automation and run.
    async fn kept_page(&self, after: Option<(AutomationId, RunId)>, limit: u32)
    -> Result<Vec<SealedRow>, StorageError>;

    /// How many rows [`Storage::list`](super::Storage::list) and [`kept_page`](Self::kept_page) would give.
    async fn count(&self) -> Result<RowCounts, StorageError>;

    /// Puts states that mean the same, sealed anew, in the places of those that are there: all of one transaction, each
    /// if its place still holds what it was made from. Of a state only the revision changes with it. Waits for nobody who
    /// has locked a row; gives how each row ended. No place may be named twice.
    async fn reseal(&self, rows: Vec<SealedRow>, deadline: Instant) -> Result<Vec<Swap>, StorageError>;
}
