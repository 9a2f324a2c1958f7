//! What became of saves whose answer got lost with the connection.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sqlx::postgres::PgRow;

use super::super::{Record, StorageError, Stored, Swap};
use super::lane::{Failure, Lane};
use super::sql;
use super::writer::Save;

/// How long a new connection is tried for beyond a save's deadline.
const EXTRA_TIME: Duration = Duration::from_secs(1);

/// Between two tries to reach the server.
const PAUSE: Duration = Duration::from_millis(50);

/// Finds out what became of each save, and answers it: saved, lost (then it never happens), or unknown.
pub(super) async fn resolve(lane: &mut Lane, group: Vec<Save>, error: sqlx::Error) {
    tracing::warn!(%error, saves = group.len(), "the connection broke while saving; looking what was saved");
    let error = Arc::new(error);
    for save in group {
        let found = find_out(lane, &save).await;
        let _ = save.answer.send(found.ok_or_else(|| {
            let error: Arc<dyn std::error::Error + Send + Sync> = Arc::clone(&error) as _;
            StorageError::OutcomeUnknown(error)
        }));
    }
}

/// What became of one save; none if that cannot be told.
pub(super) async fn find_out(lane: &mut Lane, save: &Save) -> Option<Swap> {
    let deadline = save.deadline + EXTRA_TIME;
    loop {
        match look(lane, save, deadline).await {
            Ok(found) => return found,
            // The server is back and lets nobody lock a row: it has become read-only, say.
            Err(failure @ Failure::Refused(_)) if !failure.is_contention() => {
                return glance(lane, save, deadline).await;
            }
            Err(error) if Instant::now() + PAUSE < deadline => {
                tracing::debug!(?error, "cannot look yet");
                tokio::time::sleep(PAUSE).await;
            }
            Err(_) => return None,
        }
    }
}

/// Looks at the row without waiting for anybody: enough to tell that the save happened, not that it did not.
async fn glance(lane: &mut Lane, save: &Save, deadline: Instant) -> Option<Swap> {
    let rows = lane.ask(sql::load(&[save.automation], None), deadline).await.ok()?;
    match stored(&rows) {
        Some(Stored::Present(Record { sealed, .. })) if sealed == save.text.sealed.as_bytes() => Some(Swap::Saved),
        _ => None,
    }
}

/// Looks at the row, waiting for whoever still works on it. The sealed text tells our save from every other one: it
/// starts from random bytes.
async fn look(lane: &mut Lane, save: &Save, deadline: Instant) -> Result<Option<Swap>, Failure> {
    let left = deadline.saturating_duration_since(Instant::now());
    let message = sql::limits(left, left) + &sql::lock(save.automation);
    let rows = lane.send(message, deadline).await?;
    let first = save.seen.unwrap_or(0) + 1;
    Ok(match stored(&rows) {
        Some(Stored::Present(Record { sealed, .. })) if sealed == save.text.sealed.as_bytes() => Some(Swap::Saved),
        Some(Stored::Present(Record { revision, .. })) if Some(revision) == save.seen => {
            // The old connection's work may still be on its way to the server: make sure that it comes too late.
            let fenced = lane.send(sql::fence(save.automation, revision), deadline).await?;
            if fenced.is_empty() {
                // Just now it did come, or somebody else's.
                return Box::pin(look(lane, save, deadline)).await;
            }
            Some(Swap::Lost)
        }
        // A tombstone, or a row that is gone with its automation, takes no save.
        Some(Stored::Deleted) => Some(Swap::Lost),
        None if save.seen.is_some() => Some(Swap::Lost),
        // Somebody else's save has taken the revision that ours would have had.
        Some(Stored::Present(Record { revision, .. })) if revision == first => Some(Swap::Lost),
        _ => None,
    })
}

fn stored(rows: &[PgRow]) -> Option<Stored> {
    sql::stored(rows.first()?).ok().map(|(_, stored)| stored)
}
