//! A lane that saves: everything that waits, in one transaction and one round trip.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::super::text::Text;
use super::super::{Revision, StorageError, Swap};
use super::crowd::Crowd;
use super::lane::{Failure, Lane};
use super::queue::Jobs;
use super::wariness::Wariness;
use super::{outcome, sql};
use crate::automation::AutomationId;

/// How long a group waits within the server for somebody who has one of its rows, before it leaves locked rows alone.
const SHORT_LOCK_TIMEOUT: Duration = Duration::from_millis(2);

/// How long it waits then for somebody who makes one of its rows at the same time.
const LOCK_TIMEOUT: Duration = Duration::from_millis(50);

/// What the server may take beyond a save's deadline before its answer is given up.
const GRACE: Duration = Duration::from_millis(500);

/// A save that waits.
pub(super) struct Save {
    pub(super) automation: AutomationId,
    pub(super) seen: Option<Revision>,
    pub(super) text: Text,
    pub(super) deadline: Instant,
    pub(super) answer: oneshot::Sender<Result<Swap, StorageError>>,
}

/// Saves until no job is left.
pub(super) async fn run(mut lane: Lane, mut jobs: Jobs<Save>, wariness: Arc<Wariness>) {
    let mut crowd = Crowd::default();
    loop {
        let group = jobs.next(crowd.pause()).await;
        if group.is_empty() {
            break;
        }
        let group = distinct(in_time(group));
        if !group.is_empty() {
            save(&mut lane, group, &wariness).await;
        }
        if jobs.may_wait() {
            crowd.look(&mut lane).await;
        }
    }
    lane.close().await;
}

async fn save(lane: &mut Lane, group: Vec<Save>, wariness: &Wariness) {
    let deadline = group
        .iter()
        .map(|save| save.deadline)
        .max()
        .unwrap_or_else(Instant::now);
    let statement_timeout = lane.connector().lock_timeout * 2;
    let message =
        |lock_timeout, locked| sql::limits(lock_timeout, statement_timeout) + &sql::save(&nexts(&group), locked);
    let patient = || message(SHORT_LOCK_TIMEOUT, sql::Locked::Wait);
    let wary = || message(LOCK_TIMEOUT, sql::Locked::Skip);
    let answer = if wariness.is_due(Instant::now()) {
        lane.send(wary(), deadline + GRACE).await
    } else {
        match lane.send(patient(), deadline + GRACE).await {
            Err(failure) if failure.is_contention() => {
                wariness.met_a_lock(Instant::now());
                lane.send(wary(), deadline + GRACE).await
            }
            answer => answer,
        }
    };
    match answer {
        Ok(rows) => {
            let saved: HashSet<AutomationId> = sql::ids(&rows).unwrap_or_default().into_iter().collect();
            for save in group {
                let swap = if saved.contains(&save.automation) {
                    Swap::Saved
                } else {
                    Swap::Lost
                };
                let _ = save.answer.send(Ok(swap));
            }
        }
        Err(Failure::Lost(error)) => outcome::resolve(lane, group, error).await,
        Err(failure) => match StorageError::from(failure) {
            // One of the group is in somebody's way. Nothing happened; each will be tried again, at last alone.
            StorageError::Busy | StorageError::UnknownAutomation => answer_all(group, &Ok(Swap::Lost)),
            error => answer_all(group, &Err(error)),
        },
    }
}

pub(super) fn answer_all(group: Vec<Save>, answer: &Result<Swap, StorageError>) {
    for save in group {
        let _ = save.answer.send(answer.clone());
    }
}

fn nexts(group: &[Save]) -> Vec<sql::Next<'_>> {
    group
        .iter()
        .map(|save| sql::Next {
            automation: save.automation,
            seen: save.seen,
            text: &save.text,
        })
        .collect()
}

/// Answers those that waited too long for a connection.
fn in_time(group: Vec<Save>) -> Vec<Save> {
    let now = Instant::now();
    let (late, group) = group.into_iter().partition(|save| save.deadline <= now);
    answer_all(late, &Err(StorageError::NoConnection));
    group
}

/// One save for each automation, in the order of their ids, so that hosts that make the same rows seldom wait for each other
/// in a circle: only where one makes a row that is kept of and the other one that is not, and then until the lock timeout.
/// A second save of the same automation loses: it was made beside the first.
fn distinct(mut group: Vec<Save>) -> Vec<Save> {
    group.sort_by_key(|save| save.automation);
    let mut last = None;
    let (losers, group) = group
        .into_iter()
        .partition(|save| last.replace(save.automation) == Some(save.automation));
    answer_all(losers, &Ok(Swap::Lost));
    group
}
