//! One connection, made anew whenever it got lost.

use std::borrow::Cow;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use futures_util::TryStreamExt;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgRow};
use sqlx::{AssertSqlSafe, Connection, Either};
use tokio::time::timeout_at;

use super::super::{Connections, StorageError};

/// How connections are made, and how many there are.
pub(super) struct Connector {
    options: PgConnectOptions,
    /// The limit for a lock within the server; a statement may take twice that.
    pub(super) lock_timeout: Duration,
    /// The table of automations that the Python service keeps, if a row of ours must have one there.
    pub(super) registry: Option<String>,
    open: AtomicU32,
    busy: AtomicU32,
}

/// A connection, or the intention to make one.
pub(super) struct Lane {
    connector: Arc<Connector>,
    connection: Option<Counted>,
}

/// Why a message has no answer.
#[derive(Debug)]
pub(super) enum Failure {
    /// It was never sent.
    Unreached(sqlx::Error),
    /// The server refused it: nothing of it happened.
    Refused(sqlx::Error),
    /// The connection broke before the answer came: it may have happened or not.
    Lost(sqlx::Error),
}

/// An open connection, counted while it lives.
struct Counted {
    connection: PgConnection,
    counter: Counter,
}

/// Stands for one connection at work, also if the work is given up.
struct Busy<'a>(&'a Connector);

impl<'a> Busy<'a> {
    fn new(connector: &'a Connector) -> Self {
        connector.busy.fetch_add(1, Ordering::Relaxed);
        Self(connector)
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.busy.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Stands for one open connection.
struct Counter(Arc<Connector>);

impl Connector {
    pub(super) fn new(options: PgConnectOptions, lock_timeout: Duration, registry: Option<String>) -> Self {
        Self {
            options,
            lock_timeout,
            registry,
            open: AtomicU32::new(0),
            busy: AtomicU32::new(0),
        }
    }

    pub(super) fn connections(&self) -> Connections {
        Connections {
            open: self.open.load(Ordering::Relaxed),
            busy: self.busy.load(Ordering::Relaxed),
        }
    }

    async fn connect(self: &Arc<Self>, deadline: Instant) -> Result<Counted, Failure> {
        let connecting = PgConnection::connect_with(&self.options);
        let connection = timeout_at(deadline.into(), connecting)
            .await
            .unwrap_or_else(|_| Err(timed_out()))
            .map_err(Failure::Unreached)?;
        self.open.fetch_add(1, Ordering::Relaxed);
        Ok(Counted {
            connection,
            counter: Counter(Arc::clone(self)),
        })
    }
}

impl Counted {
    async fn close(self) -> sqlx::Result<()> {
        let Self {
            connection,
            counter: _counter,
        } = self;
        connection.close().await
    }
}

impl Drop for Counter {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Lane {
    pub(super) fn new(connector: Arc<Connector>) -> Self {
        Self {
            connector,
            connection: None,
        }
    }

    pub(super) fn connector(&self) -> &Connector {
        &self.connector
    }

    /// Sends a message and gives the rows of all its statements. A message of several statements is one
    /// transaction, unless it says otherwise itself.
    pub(super) async fn send(&mut self, sql: String, deadline: Instant) -> Result<Vec<PgRow>, Failure> {
        let mut counted = match self.connection.take() {
            Some(counted) => counted,
            None => self.connector.connect(deadline).await?,
        };
        let busy = Busy::new(&self.connector);
        let answered = timeout_at(deadline.into(), rows(&mut counted.connection, sql)).await;
        drop(busy);
        match answered.unwrap_or_else(|_| Err(timed_out())) {
            Ok(rows) => {
                self.connection = Some(counted);
                Ok(rows)
            }
            Err(error) if is_refusal(&error) => {
                self.connection = Some(counted);
                Err(Failure::Refused(error))
            }
            Err(error) => Err(Failure::Lost(error)),
        }
    }

    /// The same for a message that only reads: on a connection that may have broken while it was idle, it is worth a
    /// second try.
    pub(super) async fn ask(&mut self, sql: String, deadline: Instant) -> Result<Vec<PgRow>, Failure> {
        if self.connection.is_some() {
            match self.send(sql.clone(), deadline).await {
                Err(Failure::Lost(error)) => tracing::debug!(%error, "asking again on a new connection"),
                answered => return answered,
            }
        }
        self.send(sql, deadline).await
    }

    /// Says good-bye.
    pub(super) async fn close(self) {
        if let Some(counted) = self.connection {
            let _ = counted.close().await;
        }
    }
}

async fn rows(connection: &mut PgConnection, sql: String) -> sqlx::Result<Vec<PgRow>> {
    let mut answers = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_many(connection);
    let mut rows = Vec::new();
    while let Some(answer) = answers.try_next().await? {
        if let Either::Right(row) = answer {
            rows.push(row);
        }
    }
    Ok(rows)
}

/// Whether the server is still there and said no. Its errors of class 08 (connection exception) and 57P (operator
/// intervention) mean that it is going, and so do a pooler's; what it was doing may be done or not.
fn is_refusal(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Database(error) => {
            let code = error.code().unwrap_or_default();
            !code.is_empty() && !code.starts_with("08") && !code.starts_with("57P") && code != "XX000"
        }
        _ => false,
    }
}

/// `lock_not_available`, `query_canceled` (by the statement timeout), `deadlock_detected`, `serialization_failure`.
fn is_busy(error: &sqlx::Error) -> bool {
    matches!(code(error).as_deref(), Some("55P03" | "57014" | "40P01" | "40001"))
}

fn code(error: &sqlx::Error) -> Option<Cow<'_, str>> {
    error.as_database_error()?.code()
}

fn timed_out() -> sqlx::Error {
    sqlx::Error::Io(io::Error::new(io::ErrorKind::TimedOut, "no answer in time"))
}

impl Failure {
    /// Whether somebody else was at the same rows: nothing happened.
    pub(super) fn is_contention(&self) -> bool {
        match self {
            Self::Refused(error) => is_busy(error),
            Self::Unreached(_) | Self::Lost(_) => false,
        }
    }
}

impl From<Failure> for StorageError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(error) => Self::from_postgres(error),
            Failure::Unreached(error) | Failure::Lost(error) => Self::Unavailable(Arc::new(error)),
        }
    }
}

impl StorageError {
    /// What the server's refusal means, by its `SQLSTATE`.
    fn from_postgres(error: sqlx::Error) -> Self {
        match code(&error).as_deref() {
            _ if is_busy(&error) => Self::Busy,
            Some("23503") => Self::UnknownAutomation,
            Some("53100") => Self::Full(Arc::new(error)),
            _ => Self::Unavailable(Arc::new(error)),
        }
    }
}
