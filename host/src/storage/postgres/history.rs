//! The rows of the history, in SQL, and every row's seal.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use sqlx::Row;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use super::super::text::{column, whole_state};
use super::super::{Archive, Keep, Kept, Place, RowCounts, Sealed, SealedRow, StorageError, Swap};
use super::sql::{self, Locked, Next, epoch_ms, number, quote};
use super::{PostgresStorage, reader};
use crate::automation::{AutomationId, RunId};

const COUNT: &str = "
    SELECT (SELECT count(*) FROM automation_kv WHERE deleted_at IS NULL),
           (SELECT count(*) FROM automation_kv_history WHERE state_encrypted IS NOT NULL)";

/// Adds the statements that save as [`sql::save`] does, and keep what was there. All saves have something to keep.
pub(super) fn push_save(sql: &mut String, nexts: &[&Next<'_>], locked: Locked) {
    let (new, old): (Vec<_>, Vec<_>) = nexts
        .iter()
        .filter_map(|next| Some((*next, next.text.keep.as_ref()?)))
        .partition(|(next, _)| next.seen.is_none());
    if !new.is_empty() {
        push_inserts(sql, &new);
    }
    if !old.is_empty() {
        push_updates(sql, &old, locked);
    }
}

/// The history of a row that is made is empty, so nothing has to go.
fn push_inserts(sql: &mut String, nexts: &[(&Next<'_>, &Keep)]) {
    sql.push_str("WITH next (id, automation_id, base, delta, expires_at, run_id, version, size_bytes) AS (VALUES ");
    for (index, (next, keep)) in nexts.iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        let _ = write!(
            sql,
            "{comma}('{}'::uuid,'{}'::uuid,",
            Uuid::new_v4(),
            next.automation.uuid()
        );
        push_values(sql, next, keep);
    }
    sql.push_str(
        "), made AS (INSERT INTO automation_kv (id, automation_id, state_encrypted, state_delta, expires_at) \
         SELECT id, automation_id, base, delta, expires_at FROM next \
         ON CONFLICT (automation_id) DO NOTHING RETURNING automation_id), \
         kept AS (INSERT INTO automation_kv_history (automation_id, run_id, version, size_bytes, kept_at) \
         SELECT automation_id, run_id, version, size_bytes, clock_timestamp() FROM next JOIN made USING (automation_id) \
         ON CONFLICT DO NOTHING) SELECT automation_id FROM made;",
    );
}

/// All parts of one statement see the rows as they were before it. So what is kept is what is replaced: a row that
/// somebody else replaced in between has another revision, and is not saved.
fn push_updates(sql: &mut String, nexts: &[(&Next<'_>, &Keep)], locked: Locked) {
    sql.push_str(
        "WITH next (automation_id, revision, kept_name, base, delta, expires_at, run_id, version, size_bytes) AS (VALUES ",
    );
    for (index, (next, keep)) in nexts.iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        let seen = next.seen.unwrap_or_default();
        let _ = write!(sql, "{comma}('{}'::uuid,{seen}::bigint,", next.automation.uuid());
        sql::push_column(sql, next.text.kept_name());
        sql.push(',');
        push_values(sql, next, keep);
    }
    sql.push_str(match locked {
        Locked::Wait => "), free AS (SELECT * FROM next), ",
        Locked::Skip => {
            "), free AS (SELECT next.* FROM automation_kv AS kv \
             JOIN next ON kv.automation_id = next.automation_id AND kv.revision = next.revision \
             WHERE kv.deleted_at IS NULL FOR NO KEY UPDATE OF kv SKIP LOCKED), "
        }
    });
    sql.push_str(
        "saved AS (UPDATE automation_kv AS kv \
         SET state_encrypted = COALESCE(free.base, kv.state_encrypted), state_delta = free.delta, \
         expires_at = free.expires_at, revision = kv.revision + 1, \
         updated_at = clock_timestamp() FROM free WHERE kv.automation_id = free.automation_id \
         AND kv.revision = free.revision AND kv.deleted_at IS NULL \
         AND (free.kept_name IS NULL OR left(kv.state_encrypted, 34) = free.kept_name) RETURNING kv.automation_id), \
         kept AS (INSERT INTO automation_kv_history \
         (automation_id, run_id, version, size_bytes, state_encrypted, kept_at) \
         SELECT next.automation_id, run_id, version, size_bytes, ",
    );
    sql.push_str(whole_state!());
    sql.push_str(
        ", clock_timestamp() \
         FROM next JOIN saved ON saved.automation_id = next.automation_id \
         JOIN automation_kv AS kv ON kv.automation_id = next.automation_id AND kv.revision = next.revision \
         ON CONFLICT DO NOTHING) SELECT automation_id FROM saved;",
    );
    let automations: Vec<AutomationId> = nexts.iter().map(|(next, _)| next.automation).collect();
    // All of them are one host's, so they have the same number.
    let runs = nexts.first().map_or(1, |(_, keep)| keep.runs);
    let _ = write!(
        sql,
        "DELETE FROM automation_kv_history AS kept WHERE automation_id IN ({}) AND (\
         SELECT count(*) FROM automation_kv_history AS later WHERE later.automation_id = kept.automation_id \
         AND (later.version, later.run_id) > (kept.version, kept.run_id)) >= {runs};",
        sql::id_list(&automations)
    );
}

fn push_values(sql: &mut String, next: &Next<'_>, keep: &Keep) {
    sql::push_state(sql, next.text);
    let _ = write!(sql, ",{}::bigint,", number(next.text.expires_at));
    quote(sql, keep.run.as_str());
    let (version, size_bytes) = (column(keep.version), column(keep.size_bytes));
    let _ = write!(sql, ",{version}::bigint,{size_bytes}::bigint)");
}

#[async_trait]
impl Archive for PostgresStorage {
    async fn history(&self, automation: AutomationId) -> Result<Vec<Kept>, StorageError> {
        let sql = format!(
            "SELECT run_id, version, size_bytes, {} FROM automation_kv_history WHERE automation_id = '{}' \
             ORDER BY version DESC, run_id DESC",
            epoch_ms("kept_at"),
            automation.uuid()
        );
        let rows = self.rows(sql).await?;
        decoded(rows.iter().map(kept).collect())
    }

    async fn kept(&self, automation: AutomationId, run: &RunId) -> Result<Option<Option<Vec<u8>>>, StorageError> {
        let mut sql = format!(
            "SELECT state_encrypted FROM automation_kv_history WHERE automation_id = '{}' AND run_id = ",
            automation.uuid()
        );
        quote(&mut sql, run.as_str());
        let rows = self.rows(sql).await?;
        let sealed = rows.first().map(|row| row.try_get::<Option<String>, _>(0));
        let sealed = decoded(sealed.transpose())?;
        Ok(sealed.map(|sealed| sealed.map(String::into_bytes)))
    }

    async fn kept_page(
        &self,
        after: Option<(AutomationId, RunId)>,
        limit: u32,
    ) -> Result<Vec<SealedRow>, StorageError> {
        let mut sql = "SELECT automation_id, run_id, version, state_encrypted FROM automation_kv_history \
                       WHERE state_encrypted IS NOT NULL"
            .to_string();
        if let Some((automation, run)) = after {
            let _ = write!(sql, " AND (automation_id, run_id) > ('{}', ", automation.uuid());
            quote(&mut sql, run.as_str());
            sql.push(')');
        }
        let _ = write!(sql, " ORDER BY automation_id, run_id LIMIT {limit}");
        let rows = self.rows(sql).await?;
        decoded(rows.iter().map(sealed_row).collect())
    }

    async fn count(&self) -> Result<RowCounts, StorageError> {
        let rows = self.rows(COUNT.to_string()).await?;
        let counts = |row: &PgRow| {
            Ok(RowCounts {
                states: unsigned(row, 0)?,
                history: unsigned(row, 1)?,
            })
        };
        Ok(decoded(rows.first().map(counts).transpose())?.unwrap_or_default())
    }

    async fn reseal(&self, rows: Vec<SealedRow>, deadline: Instant) -> Result<Vec<Swap>, StorageError> {
        let (states, kept): (Vec<_>, Vec<_>) = rows.iter().partition(|row| matches!(row.place, Place::State(_)));
        let mut statements = String::new();
        if !states.is_empty() {
            push_reseal_states(&mut statements, &states)?;
        }
        if !kept.is_empty() {
            push_reseal_kept(&mut statements, &kept)?;
        }
        let done = self.locked.send(&statements, deadline).await?;
        let done = decoded(done.iter().map(done_row).collect::<sqlx::Result<Vec<_>>>())?;
        let swap = |row: &SealedRow| {
            let run = match &row.place {
                Place::State(_) => None,
                Place::History(run, _) => Some(run.as_str()),
            };
            let is_done = |(automation, of): &(AutomationId, Option<String>)| {
                *automation == row.automation && of.as_deref() == run
            };
            if done.iter().any(is_done) {
                Swap::Saved
            } else {
                Swap::Lost
            }
        };
        Ok(rows.iter().map(swap).collect())
    }
}

impl PostgresStorage {
    async fn rows(&self, sql: String) -> Result<Vec<PgRow>, StorageError> {
        self.read(|answer| reader::Work::Rows { sql, answer }).await
    }
}

fn push_reseal_states(sql: &mut String, rows: &[&SealedRow]) -> Result<(), StorageError> {
    sql.push_str("WITH next (automation_id, revision, sealed) AS (VALUES ");
    for (index, row) in rows.iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        let Place::State(revision) = &row.place else { continue };
        let _ = write!(sql, "{comma}('{}'::uuid,{revision}::bigint,", row.automation.uuid());
        push_sealed(sql, row)?;
    }
    sql.push_str(
        "), free AS (SELECT next.* FROM automation_kv AS kv \
         JOIN next ON kv.automation_id = next.automation_id AND kv.revision = next.revision \
         WHERE kv.deleted_at IS NULL FOR NO KEY UPDATE OF kv SKIP LOCKED) \
         UPDATE automation_kv AS kv SET state_encrypted = free.sealed, state_delta = NULL, revision = kv.revision + 1 \
         FROM free WHERE kv.automation_id = free.automation_id RETURNING kv.automation_id, NULL::text;",
    );
    Ok(())
}

fn push_reseal_kept(sql: &mut String, rows: &[&SealedRow]) -> Result<(), StorageError> {
    sql.push_str("WITH next (automation_id, run_id, version, sealed) AS (VALUES ");
    for (index, row) in rows.iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        let Place::History(run, version) = &row.place else {
            continue;
        };
        let _ = write!(sql, "{comma}('{}'::uuid,", row.automation.uuid());
        quote(sql, run.as_str());
        let _ = write!(sql, ",{}::bigint,", column(*version));
        push_sealed(sql, row)?;
    }
    sql.push_str(
        "), free AS (SELECT next.* FROM automation_kv_history AS kept JOIN next \
         ON kept.automation_id = next.automation_id AND kept.run_id = next.run_id AND kept.version = next.version \
         WHERE kept.state_encrypted IS NOT NULL FOR NO KEY UPDATE OF kept SKIP LOCKED) \
         UPDATE automation_kv_history AS kept SET state_encrypted = free.sealed FROM free \
         WHERE kept.automation_id = free.automation_id AND kept.run_id = free.run_id \
         RETURNING kept.automation_id, kept.run_id;",
    );
    Ok(())
}

/// The last value of a row, and its end.
fn push_sealed(sql: &mut String, row: &SealedRow) -> Result<(), StorageError> {
    let text = sql::quotable(Sealed {
        bytes: row.sealed.clone(),
        ..Sealed::default()
    })?;
    quote(sql, &text.sealed);
    sql.push(')');
    Ok(())
}

fn done_row(row: &PgRow) -> sqlx::Result<(AutomationId, Option<String>)> {
    Ok((row.try_get::<Uuid, _>(0)?.into(), row.try_get(1)?))
}

fn kept(row: &PgRow) -> sqlx::Result<Kept> {
    Ok(Kept {
        run: run(row, 0)?,
        version: unsigned(row, 1)?,
        size_bytes: unsigned(row, 2)?,
        kept_at: unsigned(row, 3)?,
    })
}

fn sealed_row(row: &PgRow) -> sqlx::Result<SealedRow> {
    let sealed: String = row.try_get(3)?;
    Ok(SealedRow {
        automation: row.try_get::<Uuid, _>(0)?.into(),
        place: Place::History(run(row, 1)?, unsigned(row, 2)?),
        sealed: sealed.into_bytes(),
    })
}

fn run(row: &PgRow, column: usize) -> sqlx::Result<RunId> {
    let text: String = row.try_get(column)?;
    RunId::parse(&text).map_err(|error| sqlx::Error::Decode(Box::new(error)))
}

fn unsigned(row: &PgRow, column: usize) -> sqlx::Result<u64> {
    let number: i64 = row.try_get(column)?;
    Ok(u64::try_from(number).unwrap_or(0))
}

fn decoded<T>(result: sqlx::Result<T>) -> Result<T, StorageError> {
    result.map_err(|error| StorageError::Unavailable(Arc::new(error)))
}
