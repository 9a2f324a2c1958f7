//! Carrying out what waits on a state that is still being saved, so that the next save can begin when that one has ended.
//!
//! Nobody is told of it before both are saved. If the first save is lost or fails, nothing came of it.

use std::future::Future;
use std::pin::pin;
use std::time::{Duration, Instant};

use super::Shared;
use super::aside::Aside;
use super::execution::Execution;
use super::mailbox::{Job, Seen};
use super::runner::MAX_GROUP;
use crate::automation::AutomationId;
use crate::storage::{Record, StorageError, Stored, Swap};

/// How long an execution is good for: what it says of leases and of keys with an end is as of its beginning.
const LIFETIME: Duration = Duration::from_millis(100);

/// What was carried out for jobs that wait.
pub(super) struct Ahead {
    jobs: Vec<Seen>,
    begun: Instant,
    execution: Execution,
}

impl Ahead {
    /// How many jobs it was carried out for.
    pub(super) fn count(&self) -> usize {
        self.jobs.len()
    }

    /// The execution, if it was for these jobs and no others, and not long ago.
    pub(super) fn of(self, jobs: &[Job]) -> Option<Execution> {
        let is_of_them = self.jobs.len() == jobs.len() && self.jobs.iter().zip(jobs).all(|(seen, job)| seen.is_of(job));
        (is_of_them && self.begun.elapsed() < LIFETIME).then_some(self.execution)
    }
}

impl Shared {
    /// Waits for a save. Once jobs have come meanwhile and no more come, carries them out on what is being saved.
    pub(super) async fn save_looking_ahead(
        &self,
        automation: AutomationId,
        record: &Record,
        saving: impl Future<Output = Result<Swap, StorageError>>,
    ) -> Result<(Swap, Option<Ahead>), StorageError> {
        let mut saving = pin!(saving);
        tokio::select! {
            biased;
            swap = &mut saving => return Ok((swap?, None)),
            () = self.all_have_come(automation) => {}
        }
        let ahead = self.look_ahead(automation, record);
        Ok((saving.await?, ahead))
    }

    /// Waits until jobs are there, and no other task of this thread brings another one.
    async fn all_have_come(&self, automation: AutomationId) {
        self.mailboxes.arrival(automation).await;
        let mut before = 0;
        loop {
            let now = self.mailboxes.waiting_for(automation);
            if now == before {
                return;
            }
            before = now;
            tokio::task::yield_now().await;
        }
    }

    /// Carries out what waits, if that takes little time and nothing but the state. Whatever fails is tried again, and told,
    /// when its turn has come.
    fn look_ahead(&self, automation: AutomationId, record: &Record) -> Option<Ahead> {
        if Aside::is_for_bytes(&record.sealed) {
            return None;
        }
        let begun = Instant::now();
        let jobs = self.mailboxes.look(automation, MAX_GROUP);
        let is_quick = |job: &Seen| !job.work.calls_plugins() && !job.work.is_large();
        if jobs.is_empty() || !jobs.iter().all(is_quick) {
            return None;
        }
        let turn = jobs.iter().map(|job| (job.work.clone(), job.run.clone())).collect();
        let execution = self.execute(automation, Stored::Present(record.clone()), &turn).ok()?;
        let ahead = Ahead { jobs, begun, execution };
        (ahead.execution.answers.len() == ahead.count()).then_some(ahead)
    }
}
