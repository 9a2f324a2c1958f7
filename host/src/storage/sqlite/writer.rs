//! The only connection that writes: it takes everything that waits and commits it together.
//!
//! One `fdatasync` for many saves is where durable writes get their rate. Nobody is answered before
//! the commit that their save is in.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sqlx::sqlite::SqliteConnection;
use sqlx::{Connection, Executor};
use tokio::sync::{mpsc, oneshot};

use super::super::text::Text;
use super::super::{Record, Revision, SealedRow, Step, StorageError, Stored, Swap};
use super::cache::Cache;
use super::history;
use super::room::Room;
use super::row;
use crate::automation::AutomationId;
use crate::report::Chain;

/// The most saves in one transaction.
const MAX_GROUP: usize = 256;

/// What the states in a transaction may add up to before the next begins: while those are written, whoever was answered
/// makes new ones.
const MAX_TRANSACTION_BYTES: usize = 1 << 20;

/// The largest sealed state that is written in one statement with others: that costs a copy or two of each.
const MAX_TOGETHER_BYTES: usize = 16 << 10;

/// How long to wait before asking again for a lock that another process holds.
const LOCK_RETRY: Duration = Duration::from_millis(5);

/// A write that waits for the writer.
pub(super) struct Job {
    pub(super) automation: AutomationId,
    pub(super) work: Work,
    /// When to give up waiting for a lock.
    pub(super) deadline: Instant,
    pub(super) answer: oneshot::Sender<Result<Written, StorageError>>,
}

/// What to write.
pub(super) enum Work {
    Swap {
        seen: Option<Revision>,
        text: Text,
    },
    /// Is taken when its turn comes.
    Update(Option<Step>),
    Delete,
    /// Of any automations; the job's own does not matter.
    Reseal(Vec<SealedRow>),
    /// End the writer.
    Stop,
}

/// What was written.
#[derive(Debug, Clone)]
pub(super) enum Written {
    Swap(Swap),
    /// Whether there was a state.
    Deleted(bool),
    /// One for each row.
    Resealed(Vec<Swap>),
}

/// The only connection that writes.
pub(super) struct Writer {
    pub(super) connection: SqliteConnection,
    pub(super) room: Room,
    pub(super) cache: Arc<Cache>,
    /// Whether a row needs an automation in the Python service's table.
    pub(super) has_registry: bool,
}

/// Why a group was not committed.
struct GroupError {
    error: sqlx::Error,
    /// Whether it may have been committed all the same.
    at_commit: bool,
}

impl Writer {
    /// Writes until it is told to stop, or nobody is left to tell it.
    pub(super) async fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        let mut group = Vec::with_capacity(MAX_GROUP);
        let mut stopping = false;
        while !stopping && jobs.recv_many(&mut group, MAX_GROUP).await > 0 {
            if group.len() > 1 {
                gather(&mut group, &mut jobs).await;
            }
            stopping = group.iter().any(|job| matches!(job.work, Work::Stop));
            let waiting: Vec<Job> = group.drain(..).filter(|job| !matches!(job.work, Work::Stop)).collect();
            for part in parts(waiting) {
                self.write_group(part).await;
            }
        }
        jobs.close();
        if let Err(error) = self.connection.close().await {
            tracing::warn!(%error, "closing the SQLite writer");
        }
    }

    /// Writes, commits and answers, in this order.
    async fn write_group(&mut self, group: Vec<Job>) {
        self.cache.begin_write();
        let group = self.replace_together(group).await;
        if !group.is_empty() {
            self.write_one_by_one(group).await;
        }
    }

    /// Replaces the rows of all jobs, if they are all of that kind and none of them has lost its race. Gives back the jobs
    /// that are not done.
    async fn replace_together(&mut self, mut group: Vec<Job>) -> Vec<Job> {
        let nexts = nexts(&group);
        if nexts.len() < group.len() || self.room.is_short(&mut self.connection).await {
            return group;
        }
        let found = self.cache.found();
        let failure = match row::replace_all(&mut self.connection, &nexts).await {
            // Nothing was done, so that each can be told what became of it.
            Ok(false) => return group,
            Ok(true) => {
                drop(nexts);
                let results = vec![Ok(Written::Swap(Swap::Saved)); group.len()];
                let saved = take_saved(&mut group, &results);
                self.cache.end_write(found, true, saved);
                for (job, result) in group.into_iter().zip(results) {
                    let _ = job.answer.send(result);
                }
                return Vec::new();
            }
            Err(failure) => failure,
        };
        drop(nexts);
        let failure = self.give_up(failure.error, failure.at_commit).await;
        if failure.is_certain() {
            return group;
        }
        self.fail(group, &failure.into());
        Vec::new()
    }

    /// Has each job do its part of one transaction.
    async fn write_one_by_one(&mut self, mut group: Vec<Job>) {
        loop {
            let is_short = self.room.is_short(&mut self.connection).await;
            group = self.begin(group).await;
            if group.is_empty() {
                return self.cache.end_write(None, false, Vec::new());
            }
            let found = self.cache.found();
            match self.write_all(&mut group, is_short).await {
                Ok(results) => {
                    let are_swaps = group.iter().all(|job| matches!(job.work, Work::Swap { .. }));
                    let saved = take_saved(&mut group, &results);
                    self.cache
                        .end_write(found.filter(|_| are_swaps), !saved.is_empty(), saved);
                    for (job, result) in group.into_iter().zip(results) {
                        let _ = job.answer.send(result);
                    }
                    return;
                }
                // Once more, with the reserve: what makes no state larger still goes through.
                Err(failure) if row::is_full(&failure.error) && self.room.spend() => {
                    let (used, left) = group
                        .into_iter()
                        .partition(|job| matches!(job.work, Work::Update(None)));
                    answer_all(used, &StorageError::from(failure.error));
                    group = left;
                }
                Err(failure) => return self.fail(group, &failure.into()),
            }
        }
    }

    fn fail(&self, group: Vec<Job>, error: &StorageError) {
        tracing::error!(
            error = %Chain(error),
            saves = group.len(),
            "a group of saves was not committed"
        );
        self.cache.end_write(None, false, Vec::new());
        answer_all(group, error);
    }

    /// Takes the write lock; jobs whose deadline passes before that are answered and left out.
    async fn begin(&mut self, mut group: Vec<Job>) -> Vec<Job> {
        while !group.is_empty() {
            match self.connection.execute("BEGIN IMMEDIATE").await {
                Ok(_) => return group,
                Err(error) if row::is_busy(&error) => {
                    let now = Instant::now();
                    let (expired, left) = group.into_iter().partition(|job| job.deadline <= now);
                    answer_all(expired, &StorageError::Busy);
                    group = left;
                    tokio::time::sleep(LOCK_RETRY).await;
                }
                Err(error) => {
                    answer_all(group, &StorageError::from(error));
                    return Vec::new();
                }
            }
        }
        group
    }

    /// Writes and commits a group within the transaction that was begun; one result for each job.
    async fn write_all(
        &mut self,
        group: &mut [Job],
        is_short: bool,
    ) -> Result<Vec<Result<Written, StorageError>>, GroupError> {
        let mut results = Vec::with_capacity(group.len());
        for job in group {
            match self.write(job.automation, &mut job.work, is_short).await {
                Err(error) if !is_about_one_row(&error) => return Err(self.give_up(error, false).await),
                Err(error) => results.push(Err(StorageError::from(error))),
                Ok(written) => results.push(written),
            }
        }
        match self.connection.execute("COMMIT").await {
            Ok(_) => Ok(results),
            Err(error) => Err(self.give_up(error, true).await),
        }
    }

    /// Ends a transaction that failed; the statement may have ended it already.
    async fn give_up(&mut self, error: sqlx::Error, at_commit: bool) -> GroupError {
        let _ = self.connection.execute("ROLLBACK").await;
        if row::is_index_full(&error) {
            // These saves may be committed all the same, so they are not tried again. The next ones have the reserve.
            self.room.spend();
        }
        GroupError { error, at_commit }
    }

    async fn write(
        &mut self,
        automation: AutomationId,
        work: &mut Work,
        is_short: bool,
    ) -> sqlx::Result<Result<Written, StorageError>> {
        let connection = &mut self.connection;
        match work {
            Work::Swap { seen, text } => swap(connection, automation, *seen, text, is_short).await,
            Work::Update(step) => {
                let stored = row::load(connection, automation, self.has_registry).await?;
                let seen = match &stored {
                    Stored::Present(record) => Some(record.revision),
                    Stored::Absent | Stored::Deleted | Stored::Unknown => None,
                };
                match step.take().and_then(|step| step(stored)) {
                    Some(sealed) => match Text::try_from(sealed) {
                        Ok(text) => swap(connection, automation, seen, &text, is_short).await,
                        Err(error) => Ok(Err(error)),
                    },
                    None => Ok(Ok(Written::Swap(Swap::Saved))),
                }
            }
            Work::Delete => row::delete(connection, automation)
                .await
                .map(|was| Ok(Written::Deleted(was))),
            Work::Reseal(rows) => history::reseal(connection, rows)
                .await
                .map(|swaps| Ok(Written::Resealed(swaps))),
            Work::Stop => Ok(Err(StorageError::Closed)),
        }
    }
}

/// Lets everything else that this thread could do go first, and takes what has come meanwhile: a commit costs more than a row
/// in it. Where one automation writes alone, there is nobody to wait for.
async fn gather(group: &mut Vec<Job>, jobs: &mut mpsc::Receiver<Job>) {
    tokio::task::yield_now().await;
    while group.len() < MAX_GROUP
        && let Ok(job) = jobs.try_recv()
    {
        group.push(job);
    }
}

/// Jobs that go into a transaction each, in their order.
fn parts(jobs: Vec<Job>) -> Vec<Vec<Job>> {
    let mut parts = Vec::with_capacity(1);
    let (mut part, mut bytes) = (Vec::with_capacity(jobs.len()), 0);
    for job in jobs {
        if let Work::Swap { text, .. } = &job.work {
            bytes += text.stored_bytes();
        }
        part.push(job);
        if bytes > MAX_TRANSACTION_BYTES {
            parts.push(std::mem::take(&mut part));
            bytes = 0;
        }
    }
    if !part.is_empty() {
        parts.push(part);
    }
    parts
}

/// The rows that jobs replace, up to the first job that does something else: a row only once, and no large one.
fn nexts(group: &[Job]) -> Vec<row::Next<'_>> {
    let mut automations = HashSet::with_capacity(group.len());
    let mut nexts = Vec::with_capacity(group.len());
    for job in group {
        let Work::Swap { seen: Some(seen), text } = &job.work else {
            break;
        };
        if text.stored_bytes() > MAX_TOGETHER_BYTES || !automations.insert(job.automation) {
            break;
        }
        nexts.push(row::Next {
            automation: job.automation,
            seen: *seen,
            text,
        });
    }
    nexts
}

/// The rows that were saved, as they are now.
fn take_saved(group: &mut [Job], results: &[Result<Written, StorageError>]) -> Vec<(AutomationId, Record)> {
    let saved = |(job, result): (&mut Job, &Result<Written, StorageError>)| match (&mut job.work, result) {
        (Work::Swap { seen, text }, Ok(Written::Swap(Swap::Saved))) => {
            let record = Record {
                revision: seen.unwrap_or(0) + 1,
                sealed: std::mem::take(&mut text.sealed).into_bytes(),
            };
            Some((job.automation, record))
        }
        _ => None,
    };
    group.iter_mut().zip(results).filter_map(saved).collect()
}

async fn swap(
    connection: &mut SqliteConnection,
    automation: AutomationId,
    seen: Option<Revision>,
    text: &Text,
    is_short: bool,
) -> sqlx::Result<Result<Written, StorageError>> {
    if is_short && row::would_grow(connection, automation, seen, &text.sealed).await? {
        let error = std::io::Error::other("the reserve is kept for what makes states smaller");
        return Ok(Err(StorageError::Full(Arc::new(error))));
    }
    let swapped = match &text.keep {
        // What is kept would make the file grow.
        Some(keep) if !is_short => history::swap_and_keep(connection, automation, seen, text, keep).await,
        _ => row::swap(connection, automation, seen, text).await,
    };
    swapped.map(|swap| Ok(Written::Swap(swap)))
}

fn answer_all(jobs: Vec<Job>, error: &StorageError) {
    for job in jobs {
        let _ = job.answer.send(Err(error.clone()));
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

impl GroupError {
    /// Whether nothing happened. A commit that failed for want of room or a lock did not happen. After any other failure
    /// its pages may be in the write-ahead log, and a start after a crash may find them there.
    fn is_certain(&self) -> bool {
        !self.at_commit || row::is_full(&self.error) || row::is_busy(&self.error)
    }
}

impl From<GroupError> for StorageError {
    fn from(failure: GroupError) -> Self {
        if failure.is_certain() {
            Self::from(failure.error)
        } else {
            Self::OutcomeUnknown(Arc::new(failure.error))
        }
    }
}
