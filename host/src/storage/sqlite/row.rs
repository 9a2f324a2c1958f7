//! The row of one automation, in SQL.

use sqlx::sqlite::SqliteConnection;
use sqlx::{Executor, Row, Sqlite};

use super::super::{Record, Revision, Stored, Swap};
use crate::automation::AutomationId;

const LOAD: &str = "
    SELECT revision, state_encrypted, deleted_at IS NOT NULL
    FROM automation_kv
    WHERE automation_id = ?1";

const INSERT: &str = "
    INSERT INTO automation_kv (id, automation_id, state_encrypted, revision, created_at, updated_at)
    VALUES (?1, ?2, ?3, 1, strftime('%Y-%m-%d %H:%M:%f', 'now'), strftime('%Y-%m-%d %H:%M:%f', 'now'))
    ON CONFLICT (automation_id) DO NOTHING";

const UPDATE: &str = "
    UPDATE automation_kv
    SET state_encrypted = ?3, revision = revision + 1, updated_at = strftime('%Y-%m-%d %H:%M:%f', 'now')
    WHERE automation_id = ?1 AND revision = ?2 AND deleted_at IS NULL";

/// Reads the row.
pub(super) async fn load<'c>(
    executor: impl Executor<'c, Database = Sqlite>,
    automation: AutomationId,
) -> sqlx::Result<Stored> {
    let row = sqlx::query(LOAD)
        .bind(id_text(automation))
        .fetch_optional(executor)
        .await?;
    let Some(row) = row else {
        return Ok(Stored::Absent);
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

/// Writes the row if it is still at the revision `seen`, or absent if that is none.
pub(super) async fn swap(
    connection: &mut SqliteConnection,
    automation: AutomationId,
    seen: Option<Revision>,
    sealed: Vec<u8>,
) -> sqlx::Result<Swap> {
    let sealed = String::from_utf8(sealed).map_err(|error| sqlx::Error::Encode(Box::new(error)))?;
    let query = match seen {
        Some(revision) => sqlx::query(UPDATE)
            .bind(id_text(automation))
            .bind(revision)
            .bind(sealed),
        None => {
            let row_id = uuid::Uuid::new_v4().simple().to_string();
            sqlx::query(INSERT).bind(row_id).bind(id_text(automation)).bind(sealed)
        }
    };
    let result = query.execute(connection).await?;
    Ok(if result.rows_affected() == 1 {
        Swap::Saved
    } else {
        Swap::Lost
    })
}

/// Whether another process holds the lock that was asked for.
pub(super) fn is_busy(error: &sqlx::Error) -> bool {
    const SQLITE_BUSY: u32 = 5;
    const SQLITE_LOCKED: u32 = 6;
    let code = error
        .as_database_error()
        .and_then(|error| error.code()?.parse::<u32>().ok());
    // The low byte is the primary result code.
    code.is_some_and(|code| matches!(code & 0xff, SQLITE_BUSY | SQLITE_LOCKED))
}

/// Ids are stored as the Python service does: 32 hexadecimal digits.
fn id_text(automation: AutomationId) -> String {
    automation.uuid().simple().to_string()
}
