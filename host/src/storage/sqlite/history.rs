//! The rows of the history, in SQL, and every row's seal.

use std::time::Instant;

use async_trait::async_trait;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{AssertSqlSafe, Row};

use super::super::text::{Text, column, whole_state};
use super::super::{Archive, Keep, Kept, Place, Revision, RowCounts, SealedRow, StorageError, Swap};
use super::SqliteStorage;
use super::row::{self, id_text};
use super::writer::{Work, Written};
use crate::automation::{AutomationId, RunId};

const KEEP_NOTHING: &str = "
    INSERT INTO automation_kv_history (automation_id, run_id, version, size_bytes, kept_at)
    VALUES (?1, ?2, ?3, ?4, strftime('%Y-%m-%d %H:%M:%f', 'now'))
    ON CONFLICT DO NOTHING";

const DELETE: &str = "DELETE FROM automation_kv_history WHERE automation_id = ?1";

const HISTORY: &str = "
    SELECT run_id, version, size_bytes,
           CAST(round((julianday(kept_at) - 2440587.5) * 86400000) AS INTEGER)
    FROM automation_kv_history
    WHERE automation_id = ?1
    ORDER BY version DESC, run_id DESC";

const KEPT: &str = "
    SELECT state_encrypted
    FROM automation_kv_history
    WHERE automation_id = ?1 AND run_id = ?2";

const PAGE: &str = "
    SELECT automation_id, run_id, version, state_encrypted
    FROM automation_kv_history
    WHERE state_encrypted IS NOT NULL AND (automation_id, run_id) > (?1, ?2)
    ORDER BY automation_id, run_id
    LIMIT ?3";

const COUNT: &str = "
    SELECT (SELECT count(*) FROM automation_kv WHERE deleted_at IS NULL),
           (SELECT count(*) FROM automation_kv_history WHERE state_encrypted IS NOT NULL)";

const RESEAL_STATE: &str = "
    UPDATE automation_kv
    SET state_encrypted = ?3, state_delta = NULL, revision = revision + 1
    WHERE automation_id = ?1 AND revision = ?2 AND deleted_at IS NULL";

const RESEAL_KEPT: &str = "
    UPDATE automation_kv_history
    SET state_encrypted = ?4
    WHERE automation_id = ?1 AND run_id = ?2 AND version = ?3 AND state_encrypted IS NOT NULL";

/// A statement that keeps states before they are replaced, each if it is at its revision. `?` five times for each:
/// automation, revision, run, version, size.
pub(super) fn keep_statement(states: usize) -> String {
    const START: &str = "WITH keep (automation_id, revision, run_id, version, size_bytes) AS (VALUES ";
    const END: &str = concat!(
        ")
        INSERT INTO automation_kv_history (automation_id, run_id, version, size_bytes, state_encrypted, kept_at)
        SELECT keep.automation_id, keep.run_id, keep.version, keep.size_bytes, ",
        whole_state!(),
        ",
            strftime('%Y-%m-%d %H:%M:%f', 'now')
        FROM keep
        JOIN automation_kv AS kv ON kv.automation_id = keep.automation_id AND kv.revision = keep.revision
        WHERE kv.deleted_at IS NULL
        ON CONFLICT DO NOTHING"
    );
    [START, &vec!["(?,?,?,?,?)"; states].join(","), END].concat()
}

/// A statement that lets go of what is too much for some automations. `?` once for each, and once for the number of runs.
pub(super) fn prune_statement(automations: usize) -> String {
    const START: &str = "DELETE FROM automation_kv_history AS kept WHERE automation_id IN (";
    const END: &str = ") AND (
            SELECT count(*) FROM automation_kv_history AS later
            WHERE later.automation_id = kept.automation_id
                AND (later.version, later.run_id) > (kept.version, kept.run_id)
        ) >= ?";
    [START, &vec!["?"; automations].join(","), END].concat()
}

/// Writes a row as [`row::swap`] does, and keeps what was there.
pub(super) async fn swap_and_keep(
    connection: &mut SqliteConnection,
    automation: AutomationId,
    seen: Option<Revision>,
    text: &Text,
    keep: &Keep,
) -> sqlx::Result<Swap> {
    if let Some(seen) = seen {
        sqlx::query(AssertSqlSafe(keep_statement(1)))
            .bind(id_text(automation))
            .bind(seen)
            .bind(keep.run.as_str())
            .bind(column(keep.version))
            .bind(column(keep.size_bytes))
            .execute(&mut *connection)
            .await?;
    }
    let swap = row::swap(connection, automation, seen, text).await?;
    if swap == Swap::Lost {
        return Ok(swap);
    }
    if seen.is_none() {
        sqlx::query(KEEP_NOTHING)
            .bind(id_text(automation))
            .bind(keep.run.as_str())
            .bind(column(keep.version))
            .bind(column(keep.size_bytes))
            .execute(&mut *connection)
            .await?;
    }
    sqlx::query(AssertSqlSafe(prune_statement(1)))
        .bind(id_text(automation))
        .bind(keep.runs)
        .execute(connection)
        .await?;
    Ok(swap)
}

/// Lets go of everything that is kept for an automation.
pub(super) async fn delete(connection: &mut SqliteConnection, automation: AutomationId) -> sqlx::Result<()> {
    sqlx::query(DELETE)
        .bind(id_text(automation))
        .execute(connection)
        .await?;
    Ok(())
}

/// Replaces rows by the same, sealed anew, each if it is still as it was.
pub(super) async fn reseal(connection: &mut SqliteConnection, rows: &[SealedRow]) -> sqlx::Result<Vec<Swap>> {
    let mut swaps = Vec::with_capacity(rows.len());
    for SealedRow {
        automation,
        place,
        sealed,
    } in rows
    {
        let sealed = std::str::from_utf8(sealed).map_err(|error| sqlx::Error::Encode(Box::new(error)))?;
        let query = match place {
            Place::State(revision) => sqlx::query(RESEAL_STATE).bind(id_text(*automation)).bind(revision),
            Place::History(run, version) => sqlx::query(RESEAL_KEPT)
                .bind(id_text(*automation))
                .bind(run.as_str())
                .bind(column(*version)),
        };
        let result = query.bind(sealed).execute(&mut *connection).await?;
        swaps.push(if result.rows_affected() == 1 {
            Swap::Saved
        } else {
            Swap::Lost
        });
    }
    Ok(swaps)
}

#[async_trait]
impl Archive for SqliteStorage {
    async fn history(&self, automation: AutomationId) -> Result<Vec<Kept>, StorageError> {
        let mut reader = self.readers.acquire().await?;
        let rows = sqlx::query(HISTORY)
            .bind(id_text(automation))
            .fetch_all(&mut *reader)
            .await?;
        Ok(rows.iter().map(kept).collect::<sqlx::Result<_>>()?)
    }

    async fn kept(&self, automation: AutomationId, run: &RunId) -> Result<Option<Option<Vec<u8>>>, StorageError> {
        let mut reader = self.readers.acquire().await?;
        let sealed: Option<Option<String>> = sqlx::query_scalar(KEPT)
            .bind(id_text(automation))
            .bind(run.as_str())
            .fetch_optional(&mut *reader)
            .await?;
        Ok(sealed.map(|sealed| sealed.map(String::into_bytes)))
    }

    async fn kept_page(
        &self,
        after: Option<(AutomationId, RunId)>,
        limit: u32,
    ) -> Result<Vec<SealedRow>, StorageError> {
        let (automation, run) = after
            .map(|(automation, run)| (id_text(automation), run.to_string()))
            .unwrap_or_default();
        let mut reader = self.readers.acquire().await?;
        let rows = sqlx::query(PAGE)
            .bind(automation)
            .bind(run)
            .bind(limit)
            .fetch_all(&mut *reader)
            .await?;
        Ok(rows.iter().map(sealed_row).collect::<sqlx::Result<_>>()?)
    }

    async fn count(&self) -> Result<RowCounts, StorageError> {
        let mut reader = self.readers.acquire().await?;
        let row = sqlx::query(COUNT).fetch_one(&mut *reader).await?;
        Ok(RowCounts {
            states: number(&row, 0)?,
            history: number(&row, 1)?,
        })
    }

    async fn reseal(&self, rows: Vec<SealedRow>, deadline: Instant) -> Result<Vec<Swap>, StorageError> {
        // The job is about no automation in particular.
        let nobody = uuid::Uuid::nil().into();
        let count = rows.len();
        match self.write(nobody, Work::Reseal(rows), deadline).await? {
            Written::Resealed(swaps) => Ok(swaps),
            Written::Swap(_) | Written::Deleted(_) => Ok(vec![Swap::Lost; count]),
        }
    }
}

fn kept(row: &SqliteRow) -> sqlx::Result<Kept> {
    Ok(Kept {
        run: run(row, 0)?,
        version: number(row, 1)?,
        size_bytes: number(row, 2)?,
        kept_at: number(row, 3)?,
    })
}

fn sealed_row(row: &SqliteRow) -> sqlx::Result<SealedRow> {
    let sealed: String = row.try_get(3)?;
    Ok(SealedRow {
        automation: row::automation(row, 0)?,
        place: Place::History(run(row, 1)?, number(row, 2)?),
        sealed: sealed.into_bytes(),
    })
}

fn run(row: &SqliteRow, column: usize) -> sqlx::Result<RunId> {
    let text: String = row.try_get(column)?;
    RunId::parse(&text).map_err(|error| sqlx::Error::Decode(Box::new(error)))
}

fn number(row: &SqliteRow, column: usize) -> sqlx::Result<u64> {
    let number: i64 = row.try_get(column)?;
    Ok(u64::try_from(number).unwrap_or(0))
}
