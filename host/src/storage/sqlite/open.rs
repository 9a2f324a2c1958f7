//! Opening a file: whose it is, its settings, its tables.

use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Connection, SqlitePool};

use super::super::OpenError;
use super::SqliteOptions;

static MIGRATIONS: Migrator = sqlx::migrate!("../migrations/sqlite");

/// How long SQLite itself waits for a lock. Short: the writer asks again until its jobs' deadlines.
const BUSY_TIMEOUT: Duration = Duration::from_millis(50);

/// How long a read waits for a connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);

/// Refuses a file that is not ours, without changing anything in it.
pub(super) async fn check_owner(options: &SqliteOptions) -> Result<(), OpenError> {
    const TABLES: &str = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'";
    let is_new = std::fs::metadata(&options.file).map_or(true, |file| file.is_file() && file.len() == 0);
    if is_new {
        return Ok(());
    }
    let connect = SqliteConnectOptions::new().filename(&options.file).read_only(true);
    let opened = SqliteConnection::connect_with(&connect).await;
    let mut connection = opened.map_err(|error| cannot_open(options, &error))?;
    let tables = sqlx::query_scalar(TABLES).fetch_all(&mut connection).await;
    let tables: Vec<String> = tables.map_err(|error| cannot_open(options, &error))?;
    let _ = connection.close().await;
    let has = |table: &str| tables.iter().any(|name| name == table);
    let problem = match (has("automation_kv"), has("_sqlx_migrations")) {
        (true, true) => return Ok(()),
        (true, false) if options.adopt => return Ok(()),
        (true, false) => "was made by the Python service: set AUTOMATION_KV_ADOPT=true to take it over",
        (false, _) if tables.is_empty() => return Ok(()),
        (false, _) => "belongs to something else: it has tables, but none named automation_kv",
    };
    Err(OpenError::NotOurs {
        database: name(options),
        problem: problem.to_string(),
    })
}

/// The one connection that writes.
pub(super) async fn writer_connection(options: &SqliteOptions) -> Result<SqliteConnection, OpenError> {
    let connect = settings(options).create_if_missing(true);
    SqliteConnection::connect_with(&connect)
        .await
        .map_err(|error| cannot_open(options, &error))
}

/// Brings the tables up to date.
pub(super) async fn migrate(options: &SqliteOptions, connection: &mut SqliteConnection) -> Result<(), OpenError> {
    MIGRATIONS
        .run(connection)
        .await
        .map_err(|error| cannot_open(options, &error))
}

/// The connections that read.
pub(super) async fn readers(options: &SqliteOptions) -> Result<SqlitePool, OpenError> {
    SqlitePoolOptions::new()
        .max_connections(options.readers)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .test_before_acquire(false)
        .idle_timeout(None)
        .max_lifetime(None)
        .connect_with(settings(options))
        .await
        .map_err(|error| cannot_open(options, &error))
}

fn settings(options: &SqliteOptions) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(&options.file)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT)
}

fn cannot_open(options: &SqliteOptions, error: &dyn std::error::Error) -> OpenError {
    OpenError::Open {
        database: name(options),
        problem: error.to_string(),
    }
}

fn name(options: &SqliteOptions) -> String {
    options.file.display().to_string()
}
