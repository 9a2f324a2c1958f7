//! Opening a database: whose it is, and its tables.

use std::time::Duration;

use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection, Row};
use tokio::time::timeout;

use super::super::{OpenError, StorageOptions};
use super::PostgresUrl;

/// How long the first connection is tried for.
pub(super) const CONNECT_TIME: Duration = Duration::from_secs(10);

/// A number for the advisory lock that lets one host at a time look at the tables and change them.
const MIGRATION_LOCK: i64 = 0x6b76_5f6d_6967;

/// Our tables where tables are made, and anywhere that is looked at.
const OWNER: &str = "
    SELECT to_regclass(format('%I.automation_kv', current_schema())) IS NOT NULL,
           to_regclass(format('%I._sqlx_migrations', current_schema())) IS NOT NULL,
           to_regclass('automation_kv') IS NOT NULL,
           COALESCE(current_schema(), '(none)')";

/// Whether the function is there that a migration made. A copy of the tables alone has none.
const CAN_REPLACE: &str = "SELECT 'yes' WHERE to_regproc('automation_kv_replace') IS NOT NULL";

/// When the tables were made, to the microsecond, in which schema and which database of the server.
const MADE: &str = "
    SELECT min(installed_on)::text || ' in ' || current_schema() || ' of ' ||
           (SELECT oid FROM pg_database WHERE datname = current_database())
    FROM _sqlx_migrations";

/// Which server it is: a copy of a database has made its tables at the same time. Some let nobody know.
const SERVER: &str = "SELECT system_identifier::text FROM pg_control_system()";

/// How many migrations were made.
const APPLIED: &str = "SELECT count(*)::text FROM _sqlx_migrations WHERE success";

pub(super) const REGISTRY: &str = "
    SELECT confrelid::regclass::text
    FROM pg_constraint
    WHERE contype = 'f' AND conrelid = 'automation_kv'::regclass
    LIMIT 1";

/// A database that can be used.
pub(super) struct Prepared {
    /// The table that a row must have its automation in, if there is one.
    pub(super) registry: Option<String>,
    /// When its tables were made, and where.
    pub(super) made: String,
}

/// Refuses a database that is not ours, and brings the tables of one that is up to date. All of it is one transaction.
pub(super) async fn prepare(url: &PostgresUrl, options: &StorageOptions) -> Result<Prepared, OpenError> {
    let cannot_open = |error: &dyn std::error::Error| OpenError::Open {
        database: url.to_string(),
        problem: error.to_string(),
    };
    let login = url.options();
    let connecting = PgConnection::connect_with(&login);
    let mut connection = match timeout(CONNECT_TIME, connecting).await {
        Ok(connection) => connection.map_err(|error| cannot_open(&error))?,
        Err(elapsed) => return Err(cannot_open(&elapsed)),
    };
    let mut transaction = connection.begin().await.map_err(|error| cannot_open(&error))?;
    check_owner(&mut transaction, options.adopt)
        .await
        .map_err(|error| cannot_open(&error))?
        .map_err(|problem| OpenError::NotOurs {
            database: url.to_string(),
            problem,
        })?;
    if options.existing {
        let applied = text_of_first_row(&mut transaction, APPLIED).await.ok().flatten();
        let applied: usize = applied.and_then(|count| count.parse().ok()).unwrap_or(0);
        if applied < sqlx::migrate!("../migrations/postgres").iter().count() {
            let database = url.to_string();
            return Err(OpenError::Outdated { database });
        }
    } else {
        migrate(&mut transaction).await.map_err(|error| cannot_open(&error))?;
    }
    let function = text_of_first_row(&mut transaction, CAN_REPLACE).await;
    if function.map_err(|error| cannot_open(&error))?.is_none() {
        return Err(OpenError::Open {
            database: url.to_string(),
            problem: "it has our tables, but no function automation_kv_replace: make it as \
                      migrations/postgres/006_replace.sql does"
                .to_owned(),
        });
    }
    let registry = text_of_first_row(&mut transaction, REGISTRY)
        .await
        .map_err(|error| cannot_open(&error))?;
    let tables = text_of_first_row(&mut transaction, MADE)
        .await
        .map_err(|error| cannot_open(&error))?
        .unwrap_or_default();
    transaction.commit().await.map_err(|error| cannot_open(&error))?;
    let server = text_of_first_row(&mut connection, SERVER).await.ok().flatten();
    let made = format!("{tables} {server:?}");
    let _ = connection.close().await;
    Ok(Prepared { registry, made })
}

async fn check_owner(connection: &mut PgConnection, adopt: bool) -> sqlx::Result<Result<(), String>> {
    let lock = format!("SELECT pg_advisory_xact_lock({MIGRATION_LOCK})");
    sqlx::raw_sql(AssertSqlSafe(lock)).execute(&mut *connection).await?;
    let row = sqlx::raw_sql(OWNER).fetch_one(connection).await?;
    let schema: String = row.try_get(3)?;
    Ok(match (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?) {
        (true, false, _) if !adopt => {
            Err("was made by the Python service: set AUTOMATION_KV_ADOPT=true to take it over".to_string())
        }
        (false, _, true) => Err(format!(
            "has a table automation_kv in another schema than {schema}, where this user's tables are made: set the \
             user's search_path to the schema that is meant"
        )),
        _ => Ok(()),
    })
}

/// Each migration becomes a savepoint of the transaction.
async fn migrate(connection: &mut PgConnection) -> Result<(), sqlx::migrate::MigrateError> {
    // The library prepares statements. Behind a pooler their names may be there from another host's start, and must not
    // be left for the next.
    const FORGET_STATEMENTS: &str = "DEALLOCATE ALL";
    let mut migrations = sqlx::migrate!("../migrations/postgres");
    // Its lock would end before the transaction does; ours is held already.
    migrations.set_locking(false);
    sqlx::raw_sql(FORGET_STATEMENTS).execute(&mut *connection).await?;
    migrations.run(&mut *connection).await?;
    sqlx::raw_sql(FORGET_STATEMENTS).execute(connection).await?;
    Ok(())
}

pub(super) async fn text_of_first_row(
    connection: &mut PgConnection,
    query: &'static str,
) -> sqlx::Result<Option<String>> {
    let row = sqlx::raw_sql(query).fetch_optional(connection).await?;
    row.map(|row| row.try_get(0)).transpose()
}
