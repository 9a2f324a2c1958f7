//! Opening a file: whose it is, its settings, its tables.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, SqlitePool};

use super::super::OpenError;
use super::File;

static MIGRATIONS: Migrator = sqlx::migrate!("../migrations/sqlite");

/// How long SQLite itself waits for a lock. Short: the writer asks again until its jobs' deadlines.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_millis(50);

/// Connections for reading.
const READERS: u32 = 4;

/// How long a read waits for a connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);

/// Where a file is that may be reached through a link: what SQLite keeps beside a database is beside that.
pub(super) fn place(path: &Path) -> PathBuf {
    std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

/// Refuses a file that is not ours, without changing anything in it.
pub(super) async fn check_owner(file: &File) -> Result<(), OpenError> {
    let is_new = std::fs::metadata(&file.path).map_or(true, |found| found.is_file() && found.len() == 0);
    if is_new {
        return Ok(());
    }
    let connect = SqliteConnectOptions::new().filename(&file.path).read_only(true);
    let opened = SqliteConnection::connect_with(&connect).await;
    let mut connection = opened.map_err(|error| cannot_open(file, &error))?;
    let checked = match tables(file, &mut connection).await {
        Ok(tables) if tables.is_empty() => Ok(()),
        Ok(tables) => check(file, &tables),
        Err(error) => Err(error),
    };
    let _ = connection.close().await;
    checked
}

/// Refuses a file without our tables.
pub(super) async fn check_tables(file: &File, connection: &mut SqliteConnection) -> Result<(), OpenError> {
    check(file, &tables(file, connection).await?)
}

async fn tables(file: &File, connection: &mut SqliteConnection) -> Result<Vec<String>, OpenError> {
    const TABLES: &str = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'";
    let tables = sqlx::query_scalar(TABLES).fetch_all(connection).await;
    tables.map_err(|error| cannot_open(file, &error))
}

fn check(file: &File, tables: &[String]) -> Result<(), OpenError> {
    let has = |table: &str| tables.iter().any(|name| name == table);
    let problem = match (has("automation_kv"), has("_sqlx_migrations")) {
        (true, true) => return Ok(()),
        (true, false) if file.adopt => return Ok(()),
        (true, false) => "was made by the Python service: set AUTOMATION_KV_ADOPT=true to take it over",
        (false, _) => "belongs to something else: it has no table named automation_kv",
    };
    Err(OpenError::NotOurs {
        database: name(file),
        problem: problem.to_string(),
    })
}

/// The one connection that writes.
pub(super) async fn writer_connection(file: &File) -> Result<SqliteConnection, OpenError> {
    let connect = settings(file).create_if_missing(true);
    SqliteConnection::connect_with(&connect)
        .await
        .map_err(|error| cannot_open(file, &error))
}

/// Brings the tables up to date.
pub(super) async fn migrate(file: &File, connection: &mut SqliteConnection) -> Result<(), OpenError> {
    MIGRATIONS
        .run(connection)
        .await
        .map_err(|error| cannot_open(file, &error))
}

/// Refuses a file that does not exist, and one whose tables are not up to date.
pub(super) async fn require(file: &File) -> Result<(), OpenError> {
    const APPLIED: &str = "SELECT count(*) FROM _sqlx_migrations WHERE success";
    let connect = SqliteConnectOptions::new().filename(&file.path).read_only(true);
    let mut applied = 0;
    if let Ok(mut connection) = SqliteConnection::connect_with(&connect).await {
        applied = sqlx::query_scalar::<_, i64>(APPLIED)
            .fetch_one(&mut connection)
            .await
            .unwrap_or(0);
        let _ = connection.close().await;
    }
    if usize::try_from(applied).unwrap_or(0) < MIGRATIONS.iter().count() {
        return Err(OpenError::Outdated { database: name(file) });
    }
    Ok(())
}

/// Whether a row must have its automation in the Python service's table `automations`.
pub(super) async fn has_registry(file: &File, connection: &mut SqliteConnection) -> Result<bool, OpenError> {
    const REGISTRY: &str =
        "SELECT count(*) > 0 FROM pragma_foreign_key_list('automation_kv') WHERE \"table\" = 'automations'";
    sqlx::query_scalar(REGISTRY)
        .fetch_one(connection)
        .await
        .map_err(|error| cannot_open(file, &error))
}

/// The connections that read.
pub(super) async fn readers(file: &File) -> Result<SqlitePool, OpenError> {
    SqlitePoolOptions::new()
        .max_connections(READERS)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .test_before_acquire(false)
        .idle_timeout(None)
        .max_lifetime(None)
        .connect_with(settings(file))
        .await
        .map_err(|error| cannot_open(file, &error))
}

fn settings(file: &File) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(&file.path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .pragma("temp_store", "MEMORY")
        .busy_timeout(BUSY_TIMEOUT)
        .disable_statement_logging()
}

pub(super) fn cannot_open(file: &File, error: &dyn std::error::Error) -> OpenError {
    OpenError::Open {
        database: name(file),
        problem: error.to_string(),
    }
}

pub(super) fn name(file: &File) -> String {
    file.path.display().to_string()
}
