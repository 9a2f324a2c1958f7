//! The statements, as text. Simple queries carry no parameters, so everything in them is an id, a number, or quoted here.

use std::fmt::Write as _;
use std::time::Duration;

use sqlx::Row;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use super::super::text::{Text, whole_state};
use super::super::{Listed, Record, Revision, Sealed, StorageError, Stored};
use super::history;
use crate::automation::AutomationId;

/// Opens a transaction; without it, the statements of one message are one too.
pub(super) const BEGIN: &str = "BEGIN;";

/// Ends a transaction without a trace.
pub(super) const ROLLBACK: &str = "ROLLBACK";

const COLUMNS: &str = concat!("automation_id, revision, ", whole_state!(), ", deleted_at IS NOT NULL");

/// A state to save.
pub(super) struct Next<'a> {
    pub(super) automation: AutomationId,
    /// The revision to replace; none to make the row.
    pub(super) seen: Option<Revision>,
    pub(super) text: &'a Text,
}

/// A sealed state, if it can stand between single or double quotes as it is but for the single quotes in it.
pub(super) fn quotable(sealed: Sealed) -> Result<Text, StorageError> {
    let text = Text::try_from(sealed)?;
    if memchr::memchr3(b'\\', b'"', b'\0', text.sealed.as_bytes()).is_some() {
        return Err(StorageError::unavailable("a sealed state must be plain text"));
    }
    Ok(text)
}

/// Limits for the statements behind it in the same transaction.
pub(super) fn limits(lock_timeout: Duration, statement_timeout: Duration) -> String {
    format!(
        "SET LOCAL lock_timeout = {}; SET LOCAL statement_timeout = {};",
        millis(lock_timeout),
        millis(statement_timeout)
    )
}

/// Rows of four columns: those of these automations that exist. With a registry, then rows of one column: those of them
/// that it knows.
pub(super) fn load(automations: &[AutomationId], registry: Option<&str>) -> String {
    let ids = id_list(automations);
    let mut sql = format!("SELECT {COLUMNS} FROM automation_kv WHERE automation_id IN ({ids});");
    if let Some(registry) = registry {
        let _ = write!(sql, "SELECT id FROM {registry} WHERE id IN ({ids})");
    }
    sql
}

/// The same for one automation, and its row locked until the end of the transaction.
pub(super) fn lock(automation: AutomationId) -> String {
    format!(
        "SELECT {COLUMNS} FROM automation_kv WHERE automation_id = '{}' FOR UPDATE;",
        automation.uuid()
    )
}

/// A row of one column if the registry knows the automation.
pub(super) fn is_registered(automation: AutomationId, registry: &str) -> String {
    format!("SELECT id FROM {registry} WHERE id = '{}'", automation.uuid())
}

/// Reads a row of [`load`] or [`lock`].
pub(super) fn stored(row: &PgRow) -> sqlx::Result<(AutomationId, Stored)> {
    let automation = row.try_get::<Uuid, _>(0)?.into();
    if row.try_get(3)? {
        return Ok((automation, Stored::Deleted));
    }
    let sealed: String = row.try_get(2)?;
    let record = Record {
        revision: row.try_get(1)?,
        sealed: sealed.into_bytes(),
    };
    Ok((automation, Stored::Present(record)))
}

/// The ids in the first column of rows.
pub(super) fn ids(rows: &[PgRow]) -> sqlx::Result<Vec<AutomationId>> {
    rows.iter().map(|row| Ok(row.try_get::<Uuid, _>(0)?.into())).collect()
}

/// What a save does about a row that somebody else has locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Locked {
    /// Waits for it.
    Wait,
    /// Leaves it alone. This costs a row lock before each update.
    Skip,
}

/// Makes rows that do not exist and replaces rows that are at their revision, and gives the ids of those.
pub(super) fn save(nexts: &[Next<'_>], locked: Locked) -> String {
    let bytes: usize = nexts.iter().map(|next| next.text.stored_bytes() + 180).sum();
    let mut sql = String::with_capacity(bytes + 800);
    let (keeping, others): (Vec<_>, Vec<_>) = nexts.iter().partition(|next| next.text.keep.is_some());
    let (new, old): (Vec<_>, Vec<_>) = others.into_iter().partition(|next| next.seen.is_none());
    if !new.is_empty() {
        sql.push_str("INSERT INTO automation_kv (id, automation_id, state_encrypted, state_delta, expires_at) VALUES ");
        for (index, next) in new.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            let _ = write!(sql, "{comma}('{}','{}',", Uuid::new_v4(), next.automation.uuid());
            push_state(&mut sql, next.text);
            let _ = write!(sql, ",{})", number(next.text.expires_at));
        }
        sql.push_str(" ON CONFLICT (automation_id) DO NOTHING RETURNING automation_id;");
    }
    match (old.as_slice(), locked) {
        ([], _) => {}
        ([next], Locked::Wait) => push_replacement(&mut sql, next),
        (old, locked) => push_replacements(&mut sql, old, locked),
    }
    history::push_save(&mut sql, &keeping, locked);
    sql
}

/// Replaces one row, which the server plans faster than it calls a function.
fn push_replacement(sql: &mut String, next: &Next<'_>) {
    sql.push_str("UPDATE automation_kv SET ");
    if let Some(base) = next.text.base() {
        sql.push_str("state_encrypted = ");
        quote(sql, base);
        sql.push(',');
    }
    sql.push_str("state_delta = ");
    push_column(sql, next.text.delta());
    let _ = write!(
        sql,
        ",expires_at = {},revision = revision + 1,updated_at = clock_timestamp() WHERE automation_id = '{}' \
         AND revision = {} AND deleted_at IS NULL",
        number(next.text.expires_at),
        next.automation.uuid(),
        next.seen.unwrap_or_default()
    );
    if let Some(name) = next.text.kept_name() {
        sql.push_str(" AND left(state_encrypted, 34) = ");
        quote(sql, name);
    }
    sql.push_str(" RETURNING automation_id;");
}

/// Replaces several rows with the function that the migrations make.
fn push_replacements(sql: &mut String, nexts: &[&Next<'_>], locked: Locked) {
    sql.push_str("SELECT automation_kv_replace(");
    push_array(sql, nexts, |sql, next| {
        let _ = write!(sql, "{}", next.automation.uuid());
    });
    push_array(sql, nexts, |sql, next| {
        let _ = write!(sql, "{}", next.seen.unwrap_or_default());
    });
    push_array(sql, nexts, |sql, next| push_element(sql, next.text.base()));
    push_array(sql, nexts, |sql, next| push_element(sql, next.text.delta()));
    push_array(sql, nexts, |sql, next| push_element(sql, next.text.kept_name()));
    push_array(sql, nexts, |sql, next| sql.push_str(&number(next.text.expires_at)));
    let _ = write!(sql, "{});", locked == Locked::Skip);
}

/// An array constant, and the comma behind it.
fn push_array(sql: &mut String, nexts: &[&Next<'_>], push: impl Fn(&mut String, &Next<'_>)) {
    sql.push_str("'{");
    for (index, next) in nexts.iter().enumerate() {
        if index > 0 {
            sql.push(',');
        }
        push(sql, next);
    }
    sql.push_str("}',");
}

/// An array's element between quotes, in which nothing but the end of the constant around it has a meaning.
fn push_element(sql: &mut String, text: Option<&str>) {
    let Some(text) = text else {
        return sql.push_str("NULL");
    };
    sql.push('"');
    push_escaped(sql, text);
    sql.push('"');
}

/// Adds what to store in the two columns of a state. PostgreSQL leaves a large value where it is if it is set to itself.
pub(super) fn push_state(sql: &mut String, text: &Text) {
    push_column(sql, text.base());
    sql.push(',');
    push_column(sql, text.delta());
}

pub(super) fn push_column(sql: &mut String, text: Option<&str>) {
    match text {
        Some(text) => quote(sql, text),
        None => sql.push_str("NULL::text"),
    }
}

/// Raises the revision of a row that is at `seen`, so that no save that is still on its way on that revision can happen
/// any more.
pub(super) fn fence(automation: AutomationId, seen: Revision) -> String {
    format!(
        "UPDATE automation_kv SET revision = revision + 1 \
         WHERE automation_id = '{}' AND revision = {seen} AND deleted_at IS NULL RETURNING automation_id",
        automation.uuid()
    )
}

/// Gives a row with whether there is a state, if there is a row, and puts a tombstone in its place.
pub(super) fn delete(automation: AutomationId) -> String {
    let id = automation.uuid();
    format!(
        "SELECT deleted_at IS NULL FROM automation_kv WHERE automation_id = '{id}' FOR UPDATE; \
         INSERT INTO automation_kv (id, automation_id, state_encrypted, deleted_at) \
         VALUES ('{}', '{id}', '', clock_timestamp()) \
         ON CONFLICT (automation_id) DO UPDATE SET state_encrypted = '', state_delta = NULL, revision = automation_kv.revision + 1, \
         expires_at = NULL, deleted_at = COALESCE(automation_kv.deleted_at, clock_timestamp()), \
         updated_at = clock_timestamp(); \
         DELETE FROM automation_kv_history WHERE automation_id = '{id}'",
        Uuid::new_v4()
    )
}

/// A page of automations with a state.
pub(super) fn page(after: Option<AutomationId>, limit: u32) -> String {
    let after = after.map(|id| format!("AND automation_id > '{}'", id.uuid()));
    format!(
        "SELECT automation_id, revision, {}, {}, {} FROM automation_kv \
         WHERE deleted_at IS NULL {} ORDER BY automation_id LIMIT {limit}",
        whole_state!(),
        epoch_ms("created_at"),
        epoch_ms("updated_at"),
        after.unwrap_or_default()
    )
}

/// Reads a row of [`page`].
pub(super) fn listed(row: &PgRow) -> sqlx::Result<Listed> {
    let sealed: String = row.try_get(2)?;
    let time = |column| row.try_get::<i64, _>(column).map(|ms| u64::try_from(ms).unwrap_or(0));
    Ok(Listed {
        automation: row.try_get::<Uuid, _>(0)?.into(),
        record: Record {
            revision: row.try_get(1)?,
            sealed: sealed.into_bytes(),
        },
        created_at: time(3)?,
        updated_at: time(4)?,
    })
}

/// The ids of automations with a key whose time has come, those that are due longest first.
pub(super) fn expired(now_ms: i64, limit: u32) -> String {
    format!("SELECT automation_id FROM automation_kv WHERE expires_at <= {now_ms} ORDER BY expires_at LIMIT {limit}")
}

pub(super) fn number(number: Option<i64>) -> String {
    number.map_or_else(|| "NULL".to_string(), |number| number.to_string())
}

pub(super) fn epoch_ms(column: &str) -> String {
    format!("(extract(epoch FROM {column}) * 1000)::bigint")
}

pub(super) fn id_list(automations: &[AutomationId]) -> String {
    let mut ids = String::with_capacity(automations.len() * 40);
    for (index, automation) in automations.iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        let _ = write!(ids, "{comma}'{}'", automation.uuid());
    }
    ids
}

/// A string constant. The text has no backslash, so it is the same with and without `standard_conforming_strings`.
pub(super) fn quote(sql: &mut String, text: &str) {
    sql.push('\'');
    push_escaped(sql, text);
    sql.push('\'');
}

fn push_escaped(sql: &mut String, text: &str) {
    if text.contains('\'') {
        sql.push_str(&text.replace('\'', "''"));
    } else {
        sql.push_str(text);
    }
}

/// For a setting where 0 would mean no limit.
fn millis(duration: Duration) -> u128 {
    duration.as_millis().max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quote_cannot_end_a_string() {
        let sealed = Sealed {
            bytes: b"a'; DROP TABLE automation_kv; --".to_vec(),
            expires_at: Some(7),
            ..Sealed::default()
        };
        let next = Next {
            automation: Uuid::nil().into(),
            seen: Some(1),
            text: &quotable(sealed).unwrap(),
        };
        let next = [next];
        for (locked, expected) in [
            (
                Locked::Skip,
                "'{\"a''; DROP TABLE automation_kv; --\"}','{NULL}','{NULL}','{7}',true);",
            ),
            (
                Locked::Wait,
                "'a''; DROP TABLE automation_kv; --',state_delta = NULL::text,expires_at = 7",
            ),
        ] {
            let sql = save(&next, locked);
            assert!(sql.contains(expected), "{sql}");
        }
    }

    #[test]
    fn what_cannot_stand_between_quotes_is_refused() {
        let of = |bytes: &[u8]| {
            quotable(Sealed {
                bytes: bytes.to_vec(),
                ..Sealed::default()
            })
        };
        assert!(of(b"gAAA-_=").is_ok());
        for bytes in [&b"a\\"[..], b"a\"", b"a\0", b"\xff"] {
            assert!(of(bytes).is_err());
        }
    }
}
