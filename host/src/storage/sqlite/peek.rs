//! Reading one row without changing a byte: neither in the file nor beside it.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection};

use super::super::{OpenError, Stored};
use super::{File, open, row};
use crate::automation::AutomationId;

/// How often reading begins anew because somebody wrote meanwhile.
const TRIES: u32 = 3;

/// What is stored for an automation. A file that is not there, or not ours, is an error.
pub(super) async fn peek(file: &File, automation: AutomationId) -> Result<Stored, OpenError> {
    if !file.path.exists() {
        return Err(OpenError::Open {
            database: open::name(file),
            problem: "there is no such file".to_string(),
        });
    }
    for _ in 0..TRIES {
        let before = Unwritten::now(&file.path);
        let found = read(file, automation, before.is_some()).await;
        // Nobody is kept from writing to a file that is read as an unchanging one.
        if before.is_none() || before == Unwritten::now(&file.path) {
            return found;
        }
    }
    read(file, automation, false).await
}

async fn read(file: &File, automation: AutomationId, is_unchanging: bool) -> Result<Stored, OpenError> {
    let connect = SqliteConnectOptions::new()
        .filename(&file.path)
        .read_only(true)
        .immutable(is_unchanging)
        .busy_timeout(open::BUSY_TIMEOUT)
        .disable_statement_logging();
    let cannot_open = |error: sqlx::Error| open::cannot_open(file, &error);
    let mut connection = SqliteConnection::connect_with(&connect).await.map_err(cannot_open)?;
    open::check_tables(file, &mut connection).await?;
    let has_registry = open::has_registry(file, &mut connection).await?;
    let stored = row::load(&mut connection, automation, has_registry).await;
    let _ = connection.close().await;
    stored.map_err(cannot_open)
}

/// A file whose write-ahead log holds nothing, and when it was last written. Opening such a file as any other makes the log
/// and its index anew; as one that does not change, it needs neither.
#[derive(PartialEq, Eq)]
struct Unwritten {
    bytes: u64,
    modified: Option<SystemTime>,
}

impl Unwritten {
    /// None if the log holds something.
    fn now(path: &Path) -> Option<Self> {
        let mut log = path.to_owned().into_os_string();
        log.push("-wal");
        if std::fs::metadata(PathBuf::from(log)).is_ok_and(|log| log.len() > 0) {
            return None;
        }
        let file = std::fs::metadata(path).ok()?;
        Some(Self {
            bytes: file.len(),
            modified: file.modified().ok(),
        })
    }
}
