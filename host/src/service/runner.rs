//! The runner of one mailbox: groups of writes, one session and one commit for each.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::bases::Base;
use super::execution::{Execution, turn};
use super::mailbox::Job;
use super::metrics;
use super::{ServiceError, Shared};
use crate::automation::AutomationId;
use crate::engine::EngineError;
use crate::storage::{Record, StorageError, Stored, Swap};

/// The most requests in one session.
pub(super) const MAX_GROUP: usize = 256;

/// Lost races after which the row is locked, so that progress is certain.
const OPTIMISTIC_ATTEMPTS: u32 = 2;

/// Between two tries for a lock that the storage could not get, at first; twice as long after each.
const BUSY_PAUSE: Duration = Duration::from_millis(1);

/// The longest of these pauses: each try costs the storage something that others could use.
const MAX_BUSY_PAUSE: Duration = Duration::from_millis(32);

/// Works until the mailbox is empty.
pub(super) async fn run(shared: Arc<Shared>, automation: AutomationId) {
    let mut guard = CrashGuard {
        shared: &shared,
        automation,
        crashed: true,
    };
    let mut base = shared
        .bases
        .take(automation)
        .unwrap_or_else(|| Base::new(!shared.neighbours.leads()));
    loop {
        let most = base.jobs_to_take(shared.mailboxes.waiting_for(automation), MAX_GROUP);
        let Some(jobs) = shared.mailboxes.take(automation, most) else {
            break;
        };
        let jobs: Vec<Job> = jobs.into_iter().filter(Job::claim).collect();
        for job in &jobs {
            shared
                .metrics
                .wait_seconds
                .observe(metrics::seconds(job.arrival.elapsed()));
        }
        shared.run_group(automation, jobs, &mut base).await;
    }
    // The next runner may have ended before this; then what is kept is old, and a save finds that out.
    shared.bases.put(automation, base);
    guard.crashed = false;
}

/// Keeps a crash from leaving a mailbox that nobody empties.
struct CrashGuard<'a> {
    shared: &'a Shared,
    automation: AutomationId,
    crashed: bool,
}

impl Drop for CrashGuard<'_> {
    fn drop(&mut self) {
        if self.crashed {
            self.shared.mailboxes.abandon(self.automation);
        }
    }
}

impl Shared {
    /// Carries out jobs together. If the engine fails on them, each is tried alone, so that one bad request
    /// takes no other down with it.
    async fn run_group(self: &Arc<Self>, automation: AutomationId, jobs: Vec<Job>, base: &mut Base) {
        let Err((jobs, error)) = self.try_group(automation, jobs, base, true).await else {
            return;
        };
        let is_crash = matches!(&error, ServiceError::Engine(error)
            if matches!(**error, EngineError::Trap { .. } | EngineError::Deadline { .. }));
        if !is_crash || jobs.len() == 1 {
            return answer_all(jobs, &error);
        }
        for job in jobs {
            if let Err((jobs, error)) = self.try_group(automation, vec![job], base, false).await {
                answer_all(jobs, &error);
            }
        }
    }

    /// Carries out jobs in one session, or in several if a run that is new must begin one, and answers them; gives those
    /// back that an error kept from it. Whether the jobs that wait are the next is known, unless others of a group are.
    async fn try_group(
        self: &Arc<Self>,
        automation: AutomationId,
        mut jobs: Vec<Job>,
        base: &mut Base,
        is_next_known: bool,
    ) -> Result<(), (Vec<Job>, ServiceError)> {
        let mut begun = Instant::now();
        let mut attempts = 0;
        let mut pause = BUSY_PAUSE;
        loop {
            jobs = answer_expired(jobs);
            let Some(deadline) = jobs.iter().map(|job| job.deadline).min() else {
                return Ok(());
            };
            // A row is not locked for as long as a plugin runs.
            let attempt = if attempts < OPTIMISTIC_ATTEMPTS || jobs.iter().any(|job| job.work.calls_plugins()) {
                // Behind a lost race another one may be lost.
                let looks_ahead = is_next_known && attempts == 0;
                self.swap(automation, &jobs, deadline, base, looks_ahead).await
            } else {
                base.forget();
                self.update(automation, &jobs, deadline).await
            };
            match attempt {
                Ok(Some(execution)) => {
                    self.metrics
                        .group_requests
                        .observe(metrics::amount(execution.answers.len()));
                    jobs = answer(jobs, execution);
                    attempts = 0;
                    pause = BUSY_PAUSE;
                    begun = Instant::now();
                }
                Ok(None) => {
                    self.metrics.lost_race();
                    attempts += 1;
                    // Whoever cannot lock the row must not try for ever without a rest.
                    if attempts > OPTIMISTIC_ATTEMPTS {
                        tokio::time::sleep(pause).await;
                        pause = (pause * 2).min(MAX_BUSY_PAUSE);
                    }
                }
                // The earliest deadline has passed, or is about to, or too many rows are locked to wait for this one:
                // there may be time left for another try without a lock.
                Err(error) if is_contention(&error, attempts) => {
                    attempts = attempts.min(OPTIMISTIC_ATTEMPTS - 1);
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(MAX_BUSY_PAUSE);
                }
                // Only the time of the first is over; the others still have some.
                Err(ServiceError::TimedOut) => {
                    jobs = answer_late(jobs, begun);
                    tokio::time::sleep(BUSY_PAUSE).await;
                }
                Err(error) => return Err((jobs, error)),
            }
        }
    }

    /// Tries without a lock. None: somebody else saved in between.
    ///
    /// What was saved last (`base`) needs no loading: if it is no longer what is stored, the save is lost. Only
    /// where nothing is to be saved does nobody notice, so that is decided on what is loaded.
    async fn swap(
        self: &Arc<Self>,
        automation: AutomationId,
        jobs: &[Job],
        deadline: Instant,
        base: &mut Base,
        looks_ahead: bool,
    ) -> Result<Option<Execution>, ServiceError> {
        let turn = Arc::new(turn(jobs));
        // A plugin that saves nothing would be called twice.
        let calls_plugins = jobs.iter().any(|job| job.work.calls_plugins());
        let ahead = base.ahead_of(jobs);
        if let Some(record) = base.start().filter(|_| !calls_plugins) {
            let execution = match ahead {
                Some(execution) => execution,
                None => {
                    self.execute_anywhere(automation, Stored::Present(record), &turn, deadline)
                        .await?
                }
            };
            if execution.next.is_some() {
                let looks_ahead = looks_ahead && execution.answers.len() == jobs.len();
                return self.save(automation, execution, deadline, base, looks_ahead).await;
            }
        }
        let stored = self.load(automation, deadline).await?;
        base.loaded(&stored);
        let execution = self.execute_anywhere(automation, stored, &turn, deadline).await?;
        let looks_ahead = looks_ahead && execution.answers.len() == jobs.len();
        self.save(automation, execution, deadline, base, looks_ahead).await
    }

    /// Saves what an execution gave, if it gave anything, and remembers it as the next base.
    async fn save(
        &self,
        automation: AutomationId,
        mut execution: Execution,
        deadline: Instant,
        base: &mut Base,
        looks_ahead: bool,
    ) -> Result<Option<Execution>, ServiceError> {
        let Some(next) = execution.next.take() else {
            return Ok(Some(execution));
        };
        let bytes = next.bytes.len();
        let record = Record {
            revision: execution.seen.unwrap_or(0) + 1,
            sealed: next.bytes.clone(),
        };
        let saving = self.storage.swap(automation, execution.seen, next, deadline);
        // That a run's first write has something kept is known only once it is saved.
        let (swap, ahead) = if looks_ahead && execution.keeper.is_none() {
            self.save_looking_ahead(automation, &record, saving).await?
        } else {
            (saving.await?, None)
        };
        if swap == Swap::Lost {
            base.forget();
            return Ok(None);
        }
        self.metrics.state_bytes.observe(metrics::amount(bytes));
        self.note_kept(automation, &execution);
        base.saved(record, ahead);
        Ok(Some(execution))
    }

    /// Tries with the row locked.
    async fn update(
        self: &Arc<Self>,
        automation: AutomationId,
        jobs: &[Job],
        deadline: Instant,
    ) -> Result<Option<Execution>, ServiceError> {
        let turn = turn(jobs);
        let result = Arc::new(Mutex::new(None));
        let shared = Arc::clone(self);
        let slot = Arc::clone(&result);
        let bytes = Arc::new(AtomicUsize::new(0));
        let bytes_saved = Arc::clone(&bytes);
        let step = Box::new(move |stored| {
            let mut executed = shared.execute(automation, stored, &turn);
            let next = executed.as_mut().ok().and_then(|execution| execution.next.take());
            bytes_saved.store(next.as_ref().map_or(0, |next| next.bytes.len()), Ordering::Relaxed);
            *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(executed);
            next
        });
        if self.storage.update(automation, step, deadline).await? == Swap::Lost {
            return Ok(None);
        }
        match bytes.load(Ordering::Relaxed) {
            0 => {}
            bytes => self.metrics.state_bytes.observe(metrics::amount(bytes)),
        }
        let executed = result.lock().unwrap_or_else(PoisonError::into_inner).take();
        let execution = executed.unwrap_or(Err(ServiceError::Storage(StorageError::Closed)))?;
        self.note_kept(automation, &execution);
        Ok(Some(execution))
    }

    /// Notes what an execution has had kept, now that it is saved.
    fn note_kept(&self, automation: AutomationId, execution: &Execution) {
        if let Some(run) = &execution.keeper {
            self.kept_runs.note(automation, run.clone());
        }
    }
}

/// Whether a try failed because others were at the same state. Where the storage has answered before, running out of time
/// comes from that too.
fn is_contention(error: &ServiceError, lost_races: u32) -> bool {
    match error {
        ServiceError::Busy => true,
        ServiceError::TimedOut => lost_races > 0,
        _ => false,
    }
}

/// Answers the jobs that were done, and gives back the others.
fn answer(mut jobs: Vec<Job>, execution: Execution) -> Vec<Job> {
    let left = jobs.split_off(execution.answers.len());
    for (job, answer) in jobs.into_iter().zip(execution.answers) {
        job.answer(Ok(answer));
    }
    left
}

fn answer_all(jobs: Vec<Job>, error: &ServiceError) {
    for job in jobs {
        job.answer(Err(error.clone()));
    }
}

/// Answers those whose time is over. Who ran out of it mostly by waiting for the operations before is told so; the others
/// waited for the storage.
fn answer_late(jobs: Vec<Job>, begun: Instant) -> Vec<Job> {
    let now = Instant::now();
    let in_storage = now.saturating_duration_since(begun);
    let (late, left): (Vec<Job>, _) = jobs.into_iter().partition(|job| job.deadline <= now);
    for job in late {
        let waited = begun.saturating_duration_since(job.arrival);
        let error = if waited > in_storage {
            ServiceError::Busy
        } else {
            ServiceError::TimedOut
        };
        job.answer(Err(error));
    }
    left
}

fn answer_expired(jobs: Vec<Job>) -> Vec<Job> {
    let now = Instant::now();
    let (expired, left) = jobs.into_iter().partition(|job| job.deadline <= now);
    answer_all(expired, &ServiceError::Busy);
    left
}
