//! The row of one automation, in SQL.

use futures_util::TryStreamExt;
use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteConnection};
use sqlx::{AssertSqlSafe, Row, Sqlite};

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
    let query = match seen {
        Some(revision) => replacement(automation, revision, text),
        None => sqlx::query(INSERT)
            .bind(new_row_id())
            .bind(id_text(automation))
            .bind(text.base().unwrap_or_default())
            .bind(text.delta())
            .bind(text.expires_at),
    };
    let result = query.execute(connection).await?;
    Ok(if result.rows_affected() == 1 {
        Swap::Saved
    } else {
        Swap::Lost
    })
}

fn replacement<'q>(automation: AutomationId, seen: Revision, text: &Text) -> Statement<'q> {
    let query = match text.base() {
        Some(base) => sqlx::query(UPDATE).bind(id_text(automation)).bind(seen).bind(base),
        None => sqlx::query(UPDATE_DELTA).bind(id_text(automation)).bind(seen),
    };
    query.bind(text.delta()).bind(text.expires_at)
}

type Statement<'q> = Query<'q, Sqlite, SqliteArguments>;

/// A row that is to be replaced.
pub(super) struct Next<'a> {
    pub(super) automation: AutomationId,
    pub(super) seen: Revision,
    pub(super) text: &'a Text,
}

/// Why rows were not all replaced.
pub(super) struct NotReplaced {
    pub(super) error: sqlx::Error,
    /// Whether it may be the commit that failed, and not something before it.
    pub(super) at_commit: bool,
}

/// Replaces rows and commits, in a transaction of its own, if all of them are still at their revisions; gives whether they
/// were. What is to be kept is kept. After an error nothing is committed, unless that may be what failed; the transaction may
/// still be open.
///
/// It is one message to the connection's thread, with an answer that does not grow with the rows: going back and forth
/// between threads takes longer than what `SQLite` does.
pub(super) async fn replace_all(connection: &mut SqliteConnection, nexts: &[Next<'_>]) -> Result<bool, NotReplaced> {
    let (whole, changed): (Vec<&Next>, Vec<&Next>) = nexts.iter().partition(|next| next.text.base().is_some());
    let keeps_any = nexts.iter().any(|next| next.text.keep.is_some());
    match (whole.as_slice(), changed.as_slice()) {
        (whole, []) if !keeps_any => replace_at_once(connection, whole, SET_BASE).await,
        ([], changed) if !keeps_any => replace_at_once(connection, changed, "").await,
        _ => replace_and_keep(connection, nexts, &whole, &changed).await,
    }
}

/// Replaces rows with one statement, which is a transaction of its own: each statement is an answer, and a turn of the thread
/// that gets it.
async fn replace_at_once(
    connection: &mut SqliteConnection,
    nexts: &[&Next<'_>],
    set_base: &str,
) -> Result<bool, NotReplaced> {
    let query = match nexts {
        [next] => replacement(next.automation, next.seen, next.text),
        nexts => {
            let mut sql = String::new();
            push_replacement(&mut sql, nexts.len(), set_base, &ALONE);
            bind_nexts(sqlx::query(AssertSqlSafe(sql)), nexts)
        }
    };
    // Deprecated for statements with arguments; this is one.
    #[expect(
        deprecated,
        reason = "it tells the outcome of a statement before what comes behind it is looked for"
    )]
    let mut statements = query.execute_many(connection).await;
    let done = statements.try_next().await.map_err(|error| NotReplaced {
        at_commit: !is_of_the_statement(&error),
        error,
    })?;
    match done.map(|done| done.rows_affected()) {
        Some(0) => Ok(false),
        Some(rows) if rows == nexts.len() as u64 => Ok(true),
        _ => Err(NotReplaced {
            error: sqlx::Error::WorkerCrashed,
            at_commit: true,
        }),
    }
}

/// Replaces rows with as many statements as it takes.
async fn replace_and_keep(
    connection: &mut SqliteConnection,
    nexts: &[Next<'_>],
    whole: &[&Next<'_>],
    changed: &[&Next<'_>],
) -> Result<bool, NotReplaced> {
    const BEGIN: &str = "BEGIN IMMEDIATE; ";
    const COMMIT: &str = "COMMIT";
    let keeps: Vec<(&Next, &Keep)> = nexts
        .iter()
        .filter_map(|next| Some((next, next.text.keep.as_ref()?)))
        .collect();
    let mut sql = BEGIN.to_owned();
    let mut before_commit = 1;
    if !keeps.is_empty() {
        sql += &history::keep_statement(keeps.len());
        sql += ";";
        before_commit += 1;
    }
    for (nexts, set_base) in [(whole, SET_BASE), (changed, "")] {
        if !nexts.is_empty() {
            push_replacement(&mut sql, nexts.len(), set_base, &IN_TRANSACTION);
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
        if !nexts.is_empty() {
            query = bind_nexts(query, nexts);
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
            Ok(None) if done > before_commit => return Ok(true),
            // The connection's thread is gone, and with it what it would have told.
            Ok(None) => {
                return Err(NotReplaced {
                    error: sqlx::Error::WorkerCrashed,
                    at_commit: done >= before_commit,
                });
            }
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

/// How a replacement is one of all its rows, or of none: `?` once, for their number.
struct AllOrNone {
    update: &'static str,
    condition: &'static str,
}

/// Does nothing at all unless it finds all of them. The join is in the order that is written: the table is the longer one.
const ALONE: AllOrNone = AllOrNone {
    update: ") UPDATE automation_kv SET ",
    condition: " AND ? = (SELECT count(*) FROM next CROSS JOIN automation_kv AS there
        WHERE there.automation_id = next.automation_id AND there.revision = next.revision
            AND there.deleted_at IS NULL)",
};

/// Has the transaction fail unless it has changed all of them. Without OR FAIL, a journal is kept for undoing the statement
/// alone. Overflowing is how a statement fails on purpose.
const IN_TRANSACTION: AllOrNone = AllOrNone {
    update: ") UPDATE OR FAIL automation_kv SET ",
    condition: "; SELECT abs(-9223372036854775808) WHERE changes() <> ?;",
};

/// Adds a replacement of so many rows, `?` five times for each: automation, revision, base, delta, expiry.
fn push_replacement(sql: &mut String, rows: usize, set_base: &str, all_or_none: &AllOrNone) {
    const START: &str = "WITH next (automation_id, revision, base, delta, expires_at) AS MATERIALIZED (VALUES ";
    const END: &str = "state_delta = next.delta, expires_at = next.expires_at, revision = automation_kv.revision + 1,
            updated_at = strftime('%Y-%m-%d %H:%M:%f', 'now')
        FROM next
        WHERE automation_kv.automation_id = next.automation_id AND automation_kv.revision = next.revision
            AND deleted_at IS NULL";
    let values = vec!["(?,?,?,?,?)"; rows].join(",");
    for part in [START, &values, all_or_none.update, set_base, END, all_or_none.condition] {
        sql.push_str(part);
    }
}

/// Binds what a replacement takes.
fn bind_nexts<'q>(mut query: Statement<'q>, nexts: &[&Next<'_>]) -> Statement<'q> {
    for next in nexts {
        query = query
            .bind(id_text(next.automation))
            .bind(next.seen)
            .bind(next.text.base())
            .bind(next.text.delta())
            .bind(next.text.expires_at);
    }
    query.bind(i64::try_from(nexts.len()).unwrap_or(i64::MAX))
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

/// Whether an error is of the statement itself, so that it was not committed: of its text, its arguments, a constraint, or a
/// file that must not be written.
fn is_of_the_statement(error: &sqlx::Error) -> bool {
    const SQLITE_ERROR: u32 = 1;
    const SQLITE_READONLY: u32 = 8;
    const SQLITE_SCHEMA: u32 = 17;
    const SQLITE_TOOBIG: u32 = 18;
    const SQLITE_CONSTRAINT: u32 = 19;
    const SQLITE_MISMATCH: u32 = 20;
    matches!(error, sqlx::Error::Encode(_))
        || matches!(
            primary_code(error),
            Some(SQLITE_ERROR | SQLITE_READONLY | SQLITE_SCHEMA | SQLITE_TOOBIG | SQLITE_CONSTRAINT | SQLITE_MISMATCH)
        )
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
