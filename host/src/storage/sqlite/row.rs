//! The row of one automation, in SQL.

use futures_util::TryStreamExt;
use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, Row};

use super::super::text::{Text, column, whole_state};
use super::super::{Keep, Listed, Record, Revision, Stored, Swap};
use super::history;
use crate::automation::AutomationId;

const LOAD: &str = concat!(
    "SELECT revision, ",
    whole_state!(),
    ", deleted_at IS NOT NULL FROM automation_kv WHERE automation_id = ?1"
);

const IS_REGISTERED: &str = "SELECT 1 FROM automations WHERE id = ?1";

const LENGTH: &str = "
    SELECT length(state_encrypted) + coalesce(length(state_delta), 0)
    FROM automation_kv
    WHERE automation_id = ?1 AND revision = ?2";

const IS_THERE: &str = "
    SELECT deleted_at IS NULL
    FROM automation_kv
    WHERE automation_id = ?1";

const DELETE: &str = "
    INSERT INTO automation_kv (id, automation_id, state_encrypted, revision, created_at, updated_at, deleted_at)
    VALUES (?1, ?2, '', 1, strftime('%Y-%m-%d %H:%M:%f', 'now'), strftime('%Y-%m-%d %H:%M:%f', 'now'),
            strftime('%Y-%m-%d %H:%M:%f', 'now'))
    ON CONFLICT (automation_id) DO UPDATE
    SET state_encrypted = '', state_delta = NULL, revision = revision + 1, updated_at = excluded.updated_at,
        expires_at = NULL, deleted_at = COALESCE(deleted_at, excluded.deleted_at)";

const PAGE: &str = concat!(
    "SELECT automation_id, revision, ",
    whole_state!(),
    ",
           CAST(round((julianday(created_at) - 2440587.5) * 86400000) AS INTEGER),
           CAST(round((julianday(updated_at) - 2440587.5) * 86400000) AS INTEGER)
    FROM automation_kv
    WHERE deleted_at IS NULL AND automation_id > ?1
    ORDER BY automation_id
    LIMIT ?2"
);

const EXPIRED: &str = "
    SELECT automation_id
    FROM automation_kv
    WHERE expires_at <= ?1
    ORDER BY expires_at
    LIMIT ?2";

const INSERT: &str = "
    INSERT INTO automation_kv
        (id, automation_id, state_encrypted, state_delta, expires_at, revision, created_at, updated_at)
    VALUES (?1, ?2, ?3, ?4, ?5, 1, strftime('%Y-%m-%d %H:%M:%f', 'now'), strftime('%Y-%m-%d %H:%M:%f', 'now'))
    ON CONFLICT (automation_id) DO NOTHING";

const UPDATE: &str = "
    UPDATE automation_kv
    SET state_encrypted = ?3, state_delta = ?4, expires_at = ?5, revision = revision + 1,
        updated_at = strftime('%Y-%m-%d %H:%M:%f', 'now')
    WHERE automation_id = ?1 AND revision = ?2 AND deleted_at IS NULL";

const UPDATE_DELTA: &str = "
    UPDATE automation_kv
    SET state_delta = ?3, expires_at = ?4, revision = revision + 1,
        updated_at = strftime('%Y-%m-%d %H:%M:%f', 'now')
    WHERE automation_id = ?1 AND revision = ?2 AND deleted_at IS NULL";

/// What is stored for an automation. With a registry, one that is not in it is unknown.
pub(super) async fn load(
    connection: &mut SqliteConnection,
    automation: AutomationId,
    has_registry: bool,
) -> sqlx::Result<Stored> {
    let query = sqlx::query(LOAD).bind(id_text(automation));
    let Some(row) = query.fetch_optional(&mut *connection).await? else {
        let is_known = !has_registry || is_registered(connection, automation).await?;
        return Ok(if is_known { Stored::Absent } else { Stored::Unknown });
    };
    if row.try_get(2)? {
        return Ok(Stored::Deleted);
    }
    let sealed: String = row.try_get(1)?;
    Ok(Stored::Present(Record {
        revision: row.try_get(0)?,
        sealed: sealed.into_bytes(),
    }))
}

async fn is_registered(connection: &mut SqliteConnection, automation: AutomationId) -> sqlx::Result<bool> {
    let query = sqlx::query(IS_REGISTERED).bind(id_text(automation));
    Ok(query.fetch_optional(connection).await?.is_some())
}

/// Writes the row if it is still at the revision `seen`, or absent if that is none.
pub(super) async fn swap(
    connection: &mut SqliteConnection,
    automation: AutomationId,
    seen: Option<Revision>,
    text: &Text,
) -> sqlx::Result<Swap> {
    let query = match (seen, text.base()) {
        (Some(revision), Some(base)) => sqlx::query(UPDATE).bind(id_text(automation)).bind(revision).bind(base),
        (Some(revision), None) => sqlx::query(UPDATE_DELTA).bind(id_text(automation)).bind(revision),
        (None, base) => sqlx::query(INSERT)
            .bind(new_row_id())
            .bind(id_text(automation))
            .bind(base.unwrap_or_default()),
    };
    let query = query.bind(text.delta()).bind(text.expires_at);
    let result = query.execute(connection).await?;
    Ok(if result.rows_affected() == 1 {
        Swap::Saved
    } else {
        Swap::Lost
    })
}

/// A row that is to be replaced.
pub(super) struct Next<'a> {
    pub(super) automation: AutomationId,
    pub(super) seen: Revision,
    pub(super) text: &'a Text,
}

/// Why rows were not all replaced.
pub(super) struct NotReplaced {
    pub(super) error: sqlx::Error,
    /// Whether the commit failed, and not something before it.
    pub(super) at_commit: bool,
}

/// Replaces rows and commits, in a transaction of its own, if all of them are still at their revisions. Otherwise nothing
/// is committed, and the transaction may still be open. What is to be kept is kept.
///
/// It is one message to the connection's thread, with an answer that does not grow with the rows: going back and forth
/// between threads takes longer than what `SQLite` does.
pub(super) async fn replace_all(connection: &mut SqliteConnection, nexts: &[Next<'_>]) -> Result<(), NotReplaced> {
    const BEGIN: &str = "BEGIN IMMEDIATE; ";
    const COMMIT: &str = "COMMIT";
    let keeps: Vec<(&Next, &Keep)> = nexts
        .iter()
        .filter_map(|next| Some((next, next.text.keep.as_ref()?)))
        .collect();
    let (whole, changed): (Vec<&Next>, Vec<&Next>) = nexts.iter().partition(|next| next.text.base().is_some());
    let mut sql = BEGIN.to_owned();
    let mut before_commit = 1;
    if !keeps.is_empty() {
        sql += &history::keep_statement(keeps.len());
        sql += ";";
        before_commit += 1;
    }
    for (nexts, set_base) in [(&whole, SET_BASE), (&changed, "")] {
        if !nexts.is_empty() {
            push_replacement(&mut sql, nexts.len(), set_base);
            before_commit += 2;
        }
    }
    if !keeps.is_empty() {
        sql += &history::prune_statement(keeps.len());
        sql += ";";
        before_commit += 1;
    }
    sql += COMMIT;
    let mut query = sqlx::query(AssertSqlSafe(sql));
    for (next, keep) in &keeps {
        query = query
            .bind(id_text(next.automation))
            .bind(next.seen)
            .bind(keep.run.as_str())
            .bind(column(keep.version))
            .bind(column(keep.size_bytes));
    }
    for nexts in [whole, changed] {
        for next in &nexts {
            query = query
                .bind(id_text(next.automation))
                .bind(next.seen)
                .bind(next.text.base())
                .bind(next.text.delta())
                .bind(next.text.expires_at);
        }
        if !nexts.is_empty() {
            query = query.bind(i64::try_from(nexts.len()).unwrap_or(i64::MAX));
        }
    }
    for (next, _) in &keeps {
        query = query.bind(id_text(next.automation));
    }
    if let Some((_, keep)) = keeps.first() {
        // All of them are one host's, so they have the same number.
        query = query.bind(keep.runs);
    }
    // Deprecated for databases that do not take several statements with arguments; this one does.
    #[expect(deprecated, reason = "it tells which of the statements failed")]
    let mut statements = query.execute_many(connection).await;
    let mut done = 0;
    loop {
        match statements.try_next().await {
            Ok(Some(_)) => done += 1,
            Ok(None) => return Ok(()),
            Err(error) => {
                return Err(NotReplaced {
                    error,
                    at_commit: done >= before_commit,
                });
            }
        }
    }
}

/// What a replacement sets where the column for whole states is not to stay as it is.
const SET_BASE: &str = "state_encrypted = next.base, ";

/// Adds two statements: one that replaces so many rows, and one that fails unless it has replaced all of them. `?` five times
/// for each row: automation, revision, base, delta, expiry; then once for their number.
fn push_replacement(sql: &mut String, rows: usize, set_base: &str) {
    // Without OR FAIL, a journal is kept for undoing the statement alone. Overflowing is how a statement fails on purpose.
    const START: &str = "WITH next (automation_id, revision, base, delta, expires_at) AS (VALUES ";
    const UPDATE: &str = ") UPDATE OR FAIL automation_kv SET ";
    const END: &str = "state_delta = next.delta, expires_at = next.expires_at, revision = automation_kv.revision + 1,
            updated_at = strftime('%Y-%m-%d %H:%M:%f', 'now')
        FROM next
        WHERE automation_kv.automation_id = next.automation_id AND automation_kv.revision = next.revision
            AND deleted_at IS NULL;
        SELECT abs(-9223372036854775808) WHERE changes() <> ?;";
    let values = vec!["(?,?,?,?,?)"; rows].join(",");
    for part in [START, &values, UPDATE, set_base, END] {
        sql.push_str(part);
    }
}

/// Whether a state would take more room than the one at the revision `seen`.
pub(super) async fn would_grow(
    connection: &mut SqliteConnection,
    automation: AutomationId,
    seen: Option<Revision>,
    sealed: &str,
) -> sqlx::Result<bool> {
    let Some(seen) = seen else { return Ok(true) };
    let query = sqlx::query_scalar(LENGTH).bind(id_text(automation)).bind(seen);
    let length: Option<i64> = query.fetch_optional(connection).await?;
    Ok(length.is_some_and(|length| usize::try_from(length).unwrap_or(0) < sealed.len()))
}

/// Puts a tombstone in the place of the row, or where none is. Gives whether there was a state.
pub(super) async fn delete(connection: &mut SqliteConnection, automation: AutomationId) -> sqlx::Result<bool> {
    let query = sqlx::query_scalar(IS_THERE).bind(id_text(automation));
    let is_there: Option<bool> = query.fetch_optional(&mut *connection).await?;
    let query = sqlx::query(DELETE).bind(new_row_id()).bind(id_text(automation));
    query.execute(&mut *connection).await?;
    history::delete(connection, automation).await?;
    Ok(is_there.unwrap_or(false))
}

/// A page of automations with a state.
pub(super) async fn page(
    connection: &mut SqliteConnection,
    after: Option<AutomationId>,
    limit: u32,
) -> sqlx::Result<Vec<Listed>> {
    let after = after.map(id_text).unwrap_or_default();
    let rows = sqlx::query(PAGE).bind(after).bind(limit).fetch_all(connection).await?;
    rows.iter().map(listed).collect()
}

/// The automations with a key whose time has come, those that are due longest first.
pub(super) async fn expired(
    connection: &mut SqliteConnection,
    now_ms: i64,
    limit: u32,
) -> sqlx::Result<Vec<AutomationId>> {
    let query = sqlx::query_scalar::<_, String>(EXPIRED).bind(now_ms).bind(limit);
    let ids = query.fetch_all(connection).await?;
    Ok(ids.iter().filter_map(|id| AutomationId::parse(id).ok()).collect())
}

fn listed(row: &sqlx::sqlite::SqliteRow) -> sqlx::Result<Listed> {
    let automation = automation(row, 0)?;
    let sealed: String = row.try_get(2)?;
    let time = |column| row.try_get::<i64, _>(column).map(|ms| u64::try_from(ms).unwrap_or(0));
    Ok(Listed {
        automation,
        record: Record {
            revision: row.try_get(1)?,
            sealed: sealed.into_bytes(),
        },
        created_at: time(3)?,
        updated_at: time(4)?,
    })
}

/// The automation whose id is in a column.
pub(super) fn automation(row: &sqlx::sqlite::SqliteRow, column: usize) -> sqlx::Result<AutomationId> {
    let id: String = row.try_get(column)?;
    AutomationId::parse(&id).map_err(|error| sqlx::Error::Decode(Box::new(error)))
}

/// Whether another process holds the lock that was asked for.
pub(super) fn is_busy(error: &sqlx::Error) -> bool {
    const SQLITE_BUSY: u32 = 5;
    const SQLITE_LOCKED: u32 = 6;
    matches!(primary_code(error), Some(SQLITE_BUSY | SQLITE_LOCKED))
}

/// Whether there is no room for what was to be written.
pub(super) fn is_full(error: &sqlx::Error) -> bool {
    const SQLITE_FULL: u32 = 13;
    primary_code(error) == Some(SQLITE_FULL)
}

/// Whether there is no room for the index of a longer log. What was to be written is in the log then.
pub(super) fn is_index_full(error: &sqlx::Error) -> bool {
    const SQLITE_IOERR_SHMSIZE: u32 = 4874;
    code(error) == Some(SQLITE_IOERR_SHMSIZE)
}

/// The low byte of a result code is the primary one.
fn primary_code(error: &sqlx::Error) -> Option<u32> {
    code(error).map(|code| code & 0xff)
}

fn code(error: &sqlx::Error) -> Option<u32> {
    error.as_database_error()?.code()?.parse().ok()
}

fn new_row_id() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}

/// Ids are stored as the Python service does: 32 hexadecimal digits.
pub(super) fn id_text(automation: AutomationId) -> String {
    automation.uuid().simple().to_string()
}
