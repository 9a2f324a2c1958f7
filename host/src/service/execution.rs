//! One session: what is stored in, answers and the next state out. Nothing here waits.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::aside::Aside;
use super::mailbox::{Job, Restoring, Work, Worked};
use super::reads::Follower;
use super::{Answer, ServiceError, Shared, metrics};
use crate::automation::{AutomationId, RunId};
use crate::engine::plugin::{CallReport, Plugin};
use crate::engine::types::{Reply, Request};
use crate::engine::{EngineError, Input, Purpose, Session};
use crate::storage::{Revision, Sealed, Stored};
use crate::vault::TimestampMs;

/// How long a session may go on to the next work after a plugin was called.
const MAX_CALLING: Duration = Duration::from_millis(50);

/// How long a session may go on to the next read: what takes longer is better done on several processors at once.
const MAX_READING: Duration = Duration::from_millis(5);

/// Work in the order of its arrival, each with the run that it is done for.
pub(super) type Turn = Vec<(Work, Option<RunId>)>;

/// What a session over a turn gave.
pub(super) struct Execution {
    /// One for each piece of work, in order; fewer if one must begin a session of its own.
    pub(super) answers: Vec<Worked>,
    /// The revision that the session started from.
    pub(super) seen: Option<Revision>,
    /// The state to save, if anything changed.
    pub(super) next: Option<Sealed>,
    /// The run that has something kept once that is saved.
    pub(super) keeper: Option<RunId>,
}

/// What a session over a request that only reads gave.
pub(super) struct Reading {
    pub(super) answer: Answer,
    /// Whether keys were found whose time had come. Their bytes are still in what is stored.
    pub(super) has_expired: bool,
}

/// What the jobs ask for.
pub(super) fn turn(jobs: &[Job]) -> Turn {
    jobs.iter().map(|job| (job.work.clone(), job.run.clone())).collect()
}

impl Shared {
    /// Does one piece of work after another, wherever that may be done, and begins before a deadline.
    pub(super) async fn execute_anywhere(
        self: &Arc<Self>,
        automation: AutomationId,
        stored: Stored,
        turn: &Arc<Turn>,
        deadline: Instant,
    ) -> Result<Execution, ServiceError> {
        let calls_plugins = turn.iter().any(|(work, _)| work.calls_plugins());
        let is_large = Aside::is_for(&stored) || turn.iter().any(|(work, _)| work.is_large());
        if !calls_plugins && !is_large {
            return self.execute(automation, stored, turn);
        }
        let (shared, turn) = (Arc::clone(self), Arc::clone(turn));
        let work = move || shared.execute(automation, stored, &turn);
        if calls_plugins {
            self.plugin_threads.run(automation, work, deadline).await?
        } else {
            self.aside.run(work, deadline).await?
        }
    }

    /// Does one piece of work after another, each all or nothing.
    ///
    /// What is kept for a run that is new is the state that the session began with. So a run that is new may be the first
    /// to write in a session, and no other; whoever would be another waits for the next session.
    pub(super) fn execute(
        &self,
        automation: AutomationId,
        stored: Stored,
        turn: &Turn,
    ) -> Result<Execution, ServiceError> {
        let begun = Instant::now();
        let bytes = turn.iter().map(|(work, _)| work.bytes()).sum();
        let (mut session, seen) = self.session(automation, stored, Purpose::Write { bytes }, self.clock.now())?;
        let is_new = |run: &Option<RunId>| run.as_ref().is_some_and(|run| self.kept_runs.is_new(automation, run));
        let new: Vec<bool> = turn.iter().map(|(_, run)| is_new(run)).collect();
        let before = if new.contains(&true) {
            state(&mut session)?
        } else {
            None
        };
        let mut keeper: Option<&RunId> = None;
        let mut has_written = false;
        let mut answers = Vec::with_capacity(turn.len());
        for ((work, run), is_new) in turn.iter().zip(new) {
            let is_new = is_new && run.as_ref() != keeper;
            if is_new && has_written {
                break;
            }
            let (next, answer) = self.carry_out(automation, session, work)?;
            session = next;
            if let (Some(before), Some(reply)) = (&before, answer.reply())
                && !reply.is_replay
                && reply.version > before.version
                && !has_written
            {
                has_written = true;
                keeper = run.as_ref().filter(|_| is_new);
            }
            answers.push(answer);
            // Who is behind waits for a commit that would not come for long, and may be out of time.
            if work.calls_plugins() && begun.elapsed() > MAX_CALLING {
                break;
            }
        }
        let mut next = session.commit()?;
        let keeper = keeper.cloned();
        if let (Some(next), Some(before), Some(run)) = (&mut next, &before, &keeper) {
            next.keep = Some(self.kept_runs.keep(run.clone(), before));
        }
        self.metrics.session_seconds.observe(metrics::seconds(begun.elapsed()));
        Ok(Execution {
            answers,
            seen,
            next,
            keeper,
        })
    }

    /// Carries out one request on a state as of a time, and forgets what it would have written.
    pub(super) fn read(
        &self,
        automation: AutomationId,
        stored: Stored,
        request: &Request,
        at: TimestampMs,
    ) -> Result<Reading, ServiceError> {
        self.read_together(automation, stored, request, Vec::new(), at)
    }

    /// Does so together with requests that follow it, wherever that may be done, and begins before a deadline.
    pub(super) async fn read_anywhere(
        self: &Arc<Self>,
        automation: AutomationId,
        stored: Stored,
        request: &Arc<Request>,
        followers: Vec<Follower>,
        deadline: Instant,
    ) -> Result<Reading, ServiceError> {
        if !Aside::is_for(&stored) {
            return self.read_together(automation, stored, request, followers, self.clock.now());
        }
        let (shared, request) = (Arc::clone(self), Arc::clone(request));
        let work = move || shared.read_together(automation, stored, &request, followers, shared.clock.now());
        match self.aside.run(work, deadline).await {
            Ok(reading) => reading,
            // That another operation holds the state is said of writes only.
            Err(ServiceError::Busy) => Err(ServiceError::TimedOut),
            Err(error) => Err(error),
        }
    }

    /// The same with requests that follow one, in one session. They are answered here; those that it does not come to in
    /// good time are not answered.
    fn read_together(
        &self,
        automation: AutomationId,
        stored: Stored,
        request: &Request,
        followers: Vec<Follower>,
        at: TimestampMs,
    ) -> Result<Reading, ServiceError> {
        let begun = Instant::now();
        let (mut session, _) = self.session(automation, stored, Purpose::Read, at)?;
        let reading = read_in(&mut session, request)?;
        for follower in followers {
            if begun.elapsed() > MAX_READING {
                break;
            }
            if follower.answer.is_closed() {
                continue;
            }
            let Ok(reading) = read_in(&mut session, &follower.request) else {
                break;
            };
            // Nobody listens if the client went away.
            let _ = follower.answer.send(reading);
        }
        self.metrics.session_seconds.observe(metrics::seconds(begun.elapsed()));
        Ok(reading)
    }

    fn carry_out(
        &self,
        automation: AutomationId,
        mut session: Session,
        work: &Work,
    ) -> Result<(Session, Worked), ServiceError> {
        let worked = match work {
            Work::Request(request) => Worked::Request(session.execute(request)?),
            Work::Restore(restoring) => Worked::Request(restore(&mut session, restoring)?),
            Work::Transaction(transaction) => {
                let mut note = |plugin: &Plugin, report: &CallReport| self.note_call(automation, plugin, report);
                let (session, answer) = transaction.carry_out(session, &mut note)?;
                return Ok((session, Worked::Transaction(answer)));
            }
        };
        Ok((session, worked))
    }

    fn session(
        &self,
        automation: AutomationId,
        stored: Stored,
        purpose: Purpose,
        now: TimestampMs,
    ) -> Result<(Session, Option<Revision>), ServiceError> {
        let record = match stored {
            Stored::Absent => None,
            Stored::Present(record) => Some(record),
            Stored::Deleted => return Err(ServiceError::Deleted),
            Stored::Unknown => return Err(ServiceError::UnknownAutomation),
        };
        let seen = record.as_ref().map(|record| record.revision);
        let input = Input {
            sealed: record.map(|record| record.sealed),
            vault: self.vault.for_automation(automation),
            max_state_bytes: self.options.max_state_bytes,
            max_value_bytes: self.options.max_value_bytes,
            now,
        };
        let session = self.engine.open_to(purpose, input)?;
        Ok((session, seen))
    }
}

fn read_in(session: &mut Session, request: &Request) -> Result<Reading, EngineError> {
    let answer = session.execute(request)?;
    let has_expired = match &answer {
        Ok(reply) => reply.has_expired,
        // A refusal does not say so, but may come from a key that is gone.
        Err(_) => session.has_expired()?,
    };
    Ok(Reading { answer, has_expired })
}

fn restore(session: &mut Session, restoring: &Restoring) -> Result<Answer, ServiceError> {
    let condition = Request {
        if_version: restoring.if_version.and_then(|version| i64::try_from(version).ok()),
        ..Request::of(Vec::new())
    };
    let checked = session.execute(&condition)?;
    if checked.is_err() {
        return Ok(checked);
    }
    Ok(Ok(session.restore(restoring.earlier.as_deref().map(<[u8]>::to_vec))?))
}

/// The version and the size of what a session works on.
fn state(session: &mut Session) -> Result<Option<Reply>, ServiceError> {
    Ok(session.execute(&Request::of(Vec::new()))?.ok())
}
