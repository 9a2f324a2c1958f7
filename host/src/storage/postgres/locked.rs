//! Work on a row that is locked first: certain to get on, whoever else writes.
//!
//! It has connections of its own, few of them. Where all of them wait for rows that somebody holds, another automation's
//! turn is given up at once, and its caller tries without a lock again: so locked rows hold up nobody else.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sqlx::Row;
use sqlx::postgres::PgRow;
use tokio::sync::{Semaphore, oneshot};
use tokio::time::timeout;

use super::super::text::Text;
use super::super::{Revision, Step, StorageError, Stored, Swap};
use super::lane::{Connector, Failure, Lane};
use super::writer::Save;
use super::{outcome, sql};
use crate::automation::AutomationId;

/// How long to wait for one of the connections.
const PATIENCE: Duration = Duration::from_millis(20);

/// What the server may take beyond the deadline before its answer is given up.
const GRACE: Duration = Duration::from_millis(500);

/// The connections for locked rows.
pub(super) struct LockedRows {
    connector: Arc<Connector>,
    idle: Mutex<Vec<Lane>>,
    permits: Semaphore,
    connections: u32,
}

impl LockedRows {
    pub(super) fn new(connector: Arc<Connector>, connections: u32) -> Self {
        Self {
            connector,
            idle: Mutex::default(),
            permits: Semaphore::new(connections as usize),
            connections,
        }
    }

    /// See [`Storage::update`](super::super::Storage::update).
    pub(super) async fn update(
        &self,
        automation: AutomationId,
        step: Step,
        deadline: Instant,
    ) -> Result<Swap, StorageError> {
        let _permit = match timeout(PATIENCE, self.permits.acquire()).await {
            Ok(permit) => permit.map_err(|_| StorageError::Closed)?,
            Err(_) => return Err(StorageError::Busy),
        };
        let mut lane = self.take();
        let result = update(&mut lane, automation, step, deadline).await;
        self.give_back(lane);
        result
    }

    /// See [`Storage::delete`](super::super::Storage::delete).
    pub(super) async fn delete(&self, automation: AutomationId, deadline: Instant) -> Result<bool, StorageError> {
        let rows = self.send(&sql::delete(automation), deadline).await?;
        let is_there = rows.first().and_then(|row| row.try_get(0).ok());
        Ok(is_there.unwrap_or(false))
    }

    /// Sends statements that may wait for locks, as one transaction, and gives their rows.
    pub(super) async fn send(&self, statements: &str, deadline: Instant) -> Result<Vec<PgRow>, StorageError> {
        let _permit = match tokio::time::timeout_at(deadline.into(), self.permits.acquire()).await {
            Ok(permit) => permit.map_err(|_| StorageError::Closed)?,
            Err(_) => return Err(StorageError::Busy),
        };
        let mut lane = self.take();
        let left = left(deadline);
        let result = lane.send(sql::limits(left, left) + statements, deadline + GRACE).await;
        self.give_back(lane);
        Ok(result?)
    }

    pub(super) async fn close(&self) {
        let _all = self.permits.acquire_many(self.connections).await;
        self.permits.close();
        let idle = std::mem::take(&mut *self.idle.lock().unwrap_or_else(PoisonError::into_inner));
        for lane in idle {
            lane.close().await;
        }
    }

    fn take(&self) -> Lane {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        idle.unwrap_or_else(|| Lane::new(Arc::clone(&self.connector)))
    }

    fn give_back(&self, lane: Lane) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(lane);
    }
}

async fn update(
    lane: &mut Lane,
    automation: AutomationId,
    step: Step,
    deadline: Instant,
) -> Result<Swap, StorageError> {
    let stored = lock(lane, automation, deadline).await?;
    let seen = match &stored {
        Stored::Present(record) => Some(record.revision),
        _ => None,
    };
    match step(stored).map(sql::quotable) {
        Some(Ok(text)) => save(lane, automation, seen, text, deadline).await,
        nothing => {
            let _ = lane.send(sql::ROLLBACK.to_string(), deadline + GRACE).await;
            nothing.map_or(Ok(Swap::Saved), |unfit| unfit.map(|_| Swap::Lost))
        }
    }
}

/// Opens a transaction and locks the row in it.
async fn lock(lane: &mut Lane, automation: AutomationId, deadline: Instant) -> Result<Stored, StorageError> {
    let statement_timeout = lane.connector().lock_timeout * 2;
    let registry = lane.connector().registry.clone();
    let mut message = sql::BEGIN.to_string() + &sql::limits(left(deadline), statement_timeout) + &sql::lock(automation);
    if let Some(registry) = &registry {
        message += &sql::is_registered(automation, registry);
    }
    // A connection that broke while it was idle has locked nothing yet, so asking twice is harmless.
    let rows = match lane.ask(message, deadline + GRACE).await {
        Ok(rows) => rows,
        Err(failure) => {
            end(lane, &failure, deadline).await;
            return Err(failure.into());
        }
    };
    let is_state = |row: &&PgRow| row.len() > 1;
    match rows.iter().find(is_state).map(sql::stored) {
        Some(Ok((_, stored))) => Ok(stored),
        Some(Err(error)) => {
            let _ = lane.send(sql::ROLLBACK.to_string(), deadline + GRACE).await;
            Err(StorageError::Unavailable(Arc::new(error)))
        }
        None if registry.is_some() && rows.is_empty() => Ok(Stored::Unknown),
        None => Ok(Stored::Absent),
    }
}

async fn save(
    lane: &mut Lane,
    automation: AutomationId,
    seen: Option<Revision>,
    text: Text,
    deadline: Instant,
) -> Result<Swap, StorageError> {
    let next = sql::Next {
        automation,
        seen,
        text: &text,
    };
    let message = sql::save(&[next], sql::Locked::Wait) + "COMMIT";
    match lane.send(message, deadline + GRACE).await {
        Ok(rows) if rows.is_empty() => Ok(Swap::Lost),
        Ok(_) => Ok(Swap::Saved),
        Err(Failure::Lost(error)) => {
            let (answer, _) = oneshot::channel();
            let save = Save {
                automation,
                seen,
                text,
                deadline,
                answer,
            };
            tracing::warn!(%error, "the connection broke while saving; looking what was saved");
            let found = outcome::find_out(lane, &save).await;
            found.ok_or_else(|| StorageError::OutcomeUnknown(Arc::new(error)))
        }
        Err(failure) => {
            end(lane, &failure, deadline).await;
            Err(failure.into())
        }
    }
}

/// Ends the transaction that a refusal left open.
async fn end(lane: &mut Lane, failure: &Failure, deadline: Instant) {
    if matches!(failure, Failure::Refused(_)) {
        let _ = lane.send(sql::ROLLBACK.to_string(), deadline + GRACE).await;
    }
}

fn left(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now())
}
