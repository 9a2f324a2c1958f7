//! The only connection that writes: it takes everything that waits and commits it together.
//!
//! One `fdatasync` for many saves is where durable writes get their rate. Nobody is answered before
//! the commit that their save is in.

use std::time::{Duration, Instant};

use sqlx::sqlite::SqliteConnection;
use sqlx::{Connection, Executor};
use tokio::sync::{mpsc, oneshot};

use super::super::{Revision, Step, StorageError, Stored, Swap};
use super::row;
use crate::automation::AutomationId;

/// The most saves in one transaction.
const MAX_GROUP: usize = 256;

/// How long to wait before asking again for a lock that another process holds.
const LOCK_RETRY: Duration = Duration::from_millis(5);

/// A write that waits for the writer.
pub(super) struct Job {
    pub(super) automation: AutomationId,
    pub(super) work: Work,
    /// When to give up waiting for a lock.
    pub(super) deadline: Instant,
    pub(super) answer: oneshot::Sender<Result<Swap, StorageError>>,
}

/// What to write.
pub(super) enum Work {
    Swap {
        seen: Option<Revision>,
        sealed: Vec<u8>,
    },
    Update(Step),
    /// End the writer.
    Stop,
}

type Answer = (oneshot::Sender<Result<Swap, StorageError>>, Result<Swap, StorageError>);

/// Writes until it is told to stop, or nobody is left to tell it.
pub(super) async fn run(mut connection: SqliteConnection, mut jobs: mpsc::Receiver<Job>) {
    let mut group = Vec::with_capacity(MAX_GROUP);
    let mut stopping = false;
    while !stopping && jobs.recv_many(&mut group, MAX_GROUP).await > 0 {
        stopping = group.iter().any(|job| matches!(job.work, Work::Stop));
        let waiting: Vec<Job> = group.drain(..).filter(|job| !matches!(job.work, Work::Stop)).collect();
        write_group(&mut connection, waiting).await;
    }
    jobs.close();
    if let Err(error) = connection.close().await {
        tracing::warn!(%error, "closing the SQLite writer");
    }
}

async fn write_group(connection: &mut SqliteConnection, group: Vec<Job>) {
    let Some(group) = begin(connection, group).await else {
        return;
    };
    let mut answers: Vec<Answer> = Vec::with_capacity(group.len());
    let mut failure = None;
    let mut jobs = group.into_iter();
    for job in jobs.by_ref() {
        let result = write(connection, job.automation, job.work).await;
        match result {
            Err(error) if !is_about_one_row(&error) => {
                answers.push((job.answer, Ok(Swap::Lost)));
                failure = Some(StorageError::from(error));
                break;
            }
            result => answers.push((job.answer, result.map_err(StorageError::from))),
        }
    }
    answers.extend(jobs.map(|job| (job.answer, Ok(Swap::Lost))));
    if failure.is_none() {
        failure = connection.execute("COMMIT").await.err().map(StorageError::from);
    }
    if let Some(error) = failure {
        // A failed statement may have ended the transaction already; then there is nothing to roll back.
        let _ = connection.execute("ROLLBACK").await;
        tracing::error!(
            error = &error as &dyn std::error::Error,
            saves = answers.len(),
            "a group of saves was not committed"
        );
        for (answer, _) in answers {
            let _ = answer.send(Err(error.clone()));
        }
        return;
    }
    for (answer, result) in answers {
        let _ = answer.send(result);
    }
}

/// Takes the write lock; jobs whose deadline passes before that are answered and left out.
async fn begin(connection: &mut SqliteConnection, mut group: Vec<Job>) -> Option<Vec<Job>> {
    while !group.is_empty() {
        match connection.execute("BEGIN IMMEDIATE").await {
            Ok(_) => return Some(group),
            Err(error) if row::is_busy(&error) => {
                let now = Instant::now();
                let (expired, left) = group.into_iter().partition(|job| job.deadline <= now);
                answer_all(expired, &StorageError::Busy);
                group = left;
                tokio::time::sleep(LOCK_RETRY).await;
            }
            Err(error) => {
                answer_all(group, &StorageError::from(error));
                return None;
            }
        }
    }
    None
}

fn answer_all(jobs: Vec<Job>, error: &StorageError) {
    for job in jobs {
        let _ = job.answer.send(Err(error.clone()));
    }
}

async fn write(connection: &mut SqliteConnection, automation: AutomationId, work: Work) -> sqlx::Result<Swap> {
    match work {
        Work::Swap { seen, sealed } => row::swap(connection, automation, seen, sealed).await,
        Work::Update(step) => {
            let stored = row::load(&mut *connection, automation).await?;
            let seen = match &stored {
                Stored::Present(record) => Some(record.revision),
                Stored::Absent | Stored::Deleted => None,
            };
            match step(stored) {
                Some(sealed) => row::swap(connection, automation, seen, sealed).await,
                None => Ok(Swap::Saved),
            }
        }
        Work::Stop => Ok(Swap::Lost),
    }
}

/// Whether an error concerns one statement only and leaves the transaction as it was.
fn is_about_one_row(error: &sqlx::Error) -> bool {
    matches!(
        error,
        sqlx::Error::Encode(_) | sqlx::Error::Decode(_) | sqlx::Error::ColumnDecode { .. }
    ) || error.as_database_error().is_some_and(|error| {
        error.is_unique_violation() || error.is_foreign_key_violation() || error.is_check_violation()
    })
}
