//! Reading one row in a transaction that cannot write.

use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection};
use tokio::time::timeout;

use super::super::{OpenError, Stored};
use super::open::{CONNECT_TIME, REGISTRY, text_of_first_row};
use super::{PostgresUrl, sql};
use crate::automation::AutomationId;

/// What is stored for an automation.
pub(super) async fn peek(url: &PostgresUrl, automation: AutomationId) -> Result<Stored, OpenError> {
    let cannot_open = |error: &dyn std::error::Error| OpenError::Open {
        database: url.to_string(),
        problem: error.to_string(),
    };
    let login = url.options();
    let mut connection = match timeout(CONNECT_TIME, PgConnection::connect_with(&login)).await {
        Ok(connection) => connection.map_err(|error| cannot_open(&error))?,
        Err(elapsed) => return Err(cannot_open(&elapsed)),
    };
    let stored = read(&mut connection, automation).await;
    // A pooler would close a connection that is left within a transaction.
    let _ = sqlx::raw_sql("ROLLBACK").execute(&mut connection).await;
    let _ = connection.close().await;
    stored.map_err(|error| cannot_open(&error))
}

async fn read(connection: &mut PgConnection, automation: AutomationId) -> sqlx::Result<Stored> {
    sqlx::raw_sql("BEGIN READ ONLY").execute(&mut *connection).await?;
    let registry = text_of_first_row(connection, REGISTRY).await?;
    let load = sql::load(&[automation], None);
    let row = sqlx::raw_sql(AssertSqlSafe(load))
        .fetch_optional(&mut *connection)
        .await?;
    if let Some(row) = row {
        return Ok(sql::stored(&row)?.1);
    }
    let Some(registry) = registry else {
        return Ok(Stored::Absent);
    };
    let ask = sql::is_registered(automation, &registry);
    let known = sqlx::raw_sql(AssertSqlSafe(ask)).fetch_optional(connection).await?;
    Ok(if known.is_some() {
        Stored::Absent
    } else {
        Stored::Unknown
    })
}
