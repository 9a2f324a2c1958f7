//! A lane that loads: everything that waits, in one round trip.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use sqlx::Row;
use sqlx::postgres::PgRow;
use tokio::sync::oneshot;

use super::super::{Listed, StorageError, Stored};
use super::crowd::Crowd;
use super::lane::Lane;
use super::queue::Jobs;
use super::sql;
use crate::automation::AutomationId;

/// A question that waits.
pub(super) struct Load {
    pub(super) work: Work,
    pub(super) deadline: Instant,
}

/// What to read.
pub(super) enum Work {
    /// What is stored for an automation.
    One {
        automation: AutomationId,
        answer: oneshot::Sender<Result<Stored, StorageError>>,
    },
    /// A page of automations.
    Page {
        after: Option<AutomationId>,
        limit: u32,
        answer: oneshot::Sender<Result<Vec<Listed>, StorageError>>,
    },
    /// Automations with a key whose time has come.
    Expired {
        now_ms: i64,
        limit: u32,
        answer: oneshot::Sender<Result<Vec<AutomationId>, StorageError>>,
    },
    /// The rows of any statement that only reads.
    Rows {
        sql: String,
        answer: oneshot::Sender<Result<Vec<PgRow>, StorageError>>,
    },
    /// Whether the server answers.
    Check {
        answer: oneshot::Sender<Result<(), StorageError>>,
    },
}

type One = (AutomationId, oneshot::Sender<Result<Stored, StorageError>>);

/// Reads until no job is left.
pub(super) async fn run(mut lane: Lane, mut jobs: Jobs<Load>) {
    let mut crowd = Crowd::default();
    loop {
        let group = jobs.next(crowd.pause()).await;
        let Some(deadline) = group.iter().map(|load| load.deadline).max() else {
            break;
        };
        let mut ones = Vec::with_capacity(group.len());
        for load in group {
            match load.work {
                Work::One { automation, answer } if !answer.is_closed() => ones.push((automation, answer)),
                Work::One { .. } => {}
                Work::Page { after, limit, answer } => {
                    let rows = lane.ask(sql::page(after, limit), deadline).await;
                    let _ = answer.send(read(rows, |rows| rows.iter().map(sql::listed).collect()));
                }
                Work::Expired { now_ms, limit, answer } => {
                    let rows = lane.ask(sql::expired(now_ms, limit), deadline).await;
                    let _ = answer.send(read(rows, |rows| sql::ids(&rows)));
                }
                Work::Rows { sql, answer } => {
                    let rows = lane.ask(sql, deadline).await;
                    let _ = answer.send(read(rows, Ok));
                }
                Work::Check { answer } => {
                    let rows = lane.ask("SELECT 1".to_string(), deadline).await;
                    let _ = answer.send(read(rows, |_| Ok(())));
                }
            }
        }
        if !ones.is_empty() {
            load(&mut lane, ones, deadline).await;
        }
        if jobs.may_wait() {
            crowd.look(&mut lane).await;
        }
    }
    lane.close().await;
}

async fn load(lane: &mut Lane, ones: Vec<One>, deadline: Instant) {
    let automations: Vec<AutomationId> = ones.iter().map(|(automation, _)| *automation).collect();
    let registry = lane.connector().registry.clone();
    let rows = lane.ask(sql::load(&automations, registry.as_deref()), deadline).await;
    let found = read(rows, |rows| found(&rows));
    // Each automation's row is handed over, not copied; who asks for the same one twice in a group is rare.
    let mut left = ones.into_iter();
    match found {
        Ok((mut stored, known)) => {
            let is_known = |automation| registry.is_none() || known.contains(&automation);
            let mut asked: HashMap<AutomationId, usize> = HashMap::new();
            for automation in &automations {
                *asked.entry(*automation).or_default() += 1;
            }
            for (automation, answer) in left.by_ref() {
                let times = asked.entry(automation).or_default();
                *times -= 1;
                let row = if *times == 0 {
                    stored.remove(&automation)
                } else {
                    stored.get(&automation).cloned()
                };
                let row = row.unwrap_or_else(|| {
                    if is_known(automation) {
                        Stored::Absent
                    } else {
                        Stored::Unknown
                    }
                });
                let _ = answer.send(Ok(row));
            }
        }
        Err(error) => left.for_each(|(_, answer)| drop(answer.send(Err(error.clone())))),
    }
}

/// The rows of the states, and the ids that the registry knows.
fn found(rows: &[PgRow]) -> sqlx::Result<(HashMap<AutomationId, Stored>, Vec<AutomationId>)> {
    let ends = rows.iter().position(|row| row.len() == 1).unwrap_or(rows.len());
    let (states, known) = rows.split_at(ends);
    let stored = states.iter().map(sql::stored).collect::<sqlx::Result<_>>()?;
    Ok((stored, sql::ids(known)?))
}

fn read<T>(
    rows: Result<Vec<PgRow>, super::lane::Failure>,
    read: impl FnOnce(Vec<PgRow>) -> sqlx::Result<T>,
) -> Result<T, StorageError> {
    read(rows?).map_err(|error| StorageError::Unavailable(Arc::new(error)))
}
