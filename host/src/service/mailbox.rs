//! Where the writes of an automation wait. A mailbox exists only while something is in it or its runner
//! is at work, so idle automations cost nothing.

use std::collections::{HashMap, VecDeque};
use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::Instant;

use tokio::sync::oneshot;
use tokio::time::timeout_at;

use super::aside::Aside;
use super::plugins::TransactionAnswer;
use super::{Answer, ServiceError};
use crate::automation::{AutomationId, RunId};
use crate::engine::Transaction;
use crate::engine::types::{Reply, Request};

/// What is to be done to a state. Cheap to clone.
#[derive(Clone)]
pub(super) enum Work {
    Request(Arc<Request>),
    Transaction(Arc<Transaction>),
    Restore(Restoring),
}

/// What came of work.
pub(super) enum Worked {
    Request(Answer),
    Transaction(TransactionAnswer),
}

/// Putting a sealed state in the place of what is there.
#[derive(Clone)]
pub(super) struct Restoring {
    /// The state; none for one without keys.
    pub(super) earlier: Option<Arc<[u8]>>,
    /// The version that must be there, if one must.
    pub(super) if_version: Option<u64>,
}

/// A write that waits.
pub(super) struct Job {
    pub(super) work: Work,
    /// The run that writes, if it is known.
    pub(super) run: Option<RunId>,
    pub(super) arrival: Instant,
    pub(super) deadline: Instant,
    answer: oneshot::Sender<Result<Worked, ServiceError>>,
    claimed: Arc<AtomicBool>,
}

/// What was seen of a job in its mailbox.
pub(super) struct Seen {
    pub(super) work: Work,
    pub(super) run: Option<RunId>,
    /// Whose it is: no other job has it.
    claimed: Arc<AtomicBool>,
}

/// The waiting side of a job.
pub(super) struct Ticket {
    answer: oneshot::Receiver<Result<Worked, ServiceError>>,
    claimed: Arc<AtomicBool>,
}

/// What became of a job that was posted.
pub(super) enum Posted {
    /// It is the first: somebody must start the runner.
    First,
    /// A runner will come to it.
    Behind,
    /// Too many wait already.
    Full,
}

impl Job {
    pub(super) fn new(work: Work, run: Option<RunId>, arrival: Instant, deadline: Instant) -> (Self, Ticket) {
        let (sender, receiver) = oneshot::channel();
        let claimed = Arc::new(AtomicBool::new(false));
        let job = Self {
            work,
            run,
            arrival,
            deadline,
            answer: sender,
            claimed: Arc::clone(&claimed),
        };
        let ticket = Ticket {
            answer: receiver,
            claimed,
        };
        (job, ticket)
    }

    /// Makes the job the runner's, unless its caller gave up before.
    pub(super) fn claim(&self) -> bool {
        !self.claimed.swap(true, Ordering::AcqRel)
    }

    pub(super) fn answer(self, answer: Result<Worked, ServiceError>) {
        // Nobody listens if the client went away; what was done stays done.
        let _ = self.answer.send(answer);
    }
}

impl Seen {
    fn of(job: &Job) -> Self {
        Self {
            work: job.work.clone(),
            run: job.run.clone(),
            claimed: Arc::clone(&job.claimed),
        }
    }

    /// Whether this was seen of that job.
    pub(super) fn is_of(&self, job: &Job) -> bool {
        Arc::ptr_eq(&self.claimed, &job.claimed)
    }
}

impl Work {
    /// Whether a plugin is called for it, which may take long.
    pub(super) fn calls_plugins(&self) -> bool {
        matches!(self, Self::Transaction(_))
    }

    /// How many bytes it is to write, about.
    pub(super) fn bytes(&self) -> usize {
        /// What a plugin writes nobody knows beforehand.
        const OF_A_PLUGIN: usize = 64 << 10;
        match self {
            Self::Request(request) => request.value_bytes(),
            Self::Restore(restoring) => restoring.earlier.as_ref().map_or(0, |earlier| earlier.len()),
            Self::Transaction(_) => OF_A_PLUGIN,
        }
    }

    /// Whether it brings a large state along.
    pub(super) fn is_large(&self) -> bool {
        match self {
            Self::Restore(restoring) => restoring.earlier.as_deref().is_some_and(Aside::is_for_bytes),
            Self::Request(_) | Self::Transaction(_) => false,
        }
    }
}

impl Worked {
    /// The answer to a request.
    pub(super) fn of_request(self) -> Result<Answer, ServiceError> {
        match self {
            Self::Request(answer) => Ok(answer),
            Self::Transaction(_) => Err(ServiceError::Dropped),
        }
    }

    /// The answer to a transaction.
    pub(super) fn of_transaction(self) -> Result<TransactionAnswer, ServiceError> {
        match self {
            Self::Transaction(answer) => Ok(answer),
            Self::Request(_) => Err(ServiceError::Dropped),
        }
    }

    /// What is known of the state afterwards, if the work was done.
    pub(super) fn reply(&self) -> Option<&Reply> {
        match self {
            Self::Request(answer) => answer.as_ref().ok(),
            Self::Transaction(answer) => answer.as_ref().ok().map(|carried| &carried.reply),
        }
    }
}

impl Ticket {
    /// Waits for the answer. At the deadline a job that no runner has begun is given up: it will not run.
    pub(super) async fn answer(mut self, deadline: Instant) -> Result<Worked, ServiceError> {
        let answer = match timeout_at(deadline.into(), &mut self.answer).await {
            Ok(answer) => answer,
            Err(_) if !self.claimed.swap(true, Ordering::AcqRel) => return Err(ServiceError::Busy),
            Err(_) => self.answer.await,
        };
        answer.unwrap_or(Err(ServiceError::Dropped))
    }
}

/// All mailboxes.
pub(super) struct Mailboxes {
    by_automation: Mutex<HashMap<AutomationId, Mailbox>>,
    max_waiting: usize,
}

#[derive(Default)]
struct Mailbox {
    jobs: VecDeque<Job>,
    /// Its runner, while that waits for a job to be there.
    runner: Option<Waker>,
}

impl Mailboxes {
    pub(super) fn new(max_waiting: usize) -> Self {
        Self {
            by_automation: Mutex::default(),
            max_waiting,
        }
    }

    /// Puts a job behind those of its automation.
    pub(super) fn post(&self, automation: AutomationId, job: Job) -> Posted {
        let mut mailboxes = self.lock();
        match mailboxes.get_mut(&automation) {
            None => {
                let jobs = VecDeque::from([job]);
                mailboxes.insert(automation, Mailbox { jobs, runner: None });
                Posted::First
            }
            Some(mailbox) if mailbox.jobs.len() >= self.max_waiting => Posted::Full,
            Some(mailbox) => {
                mailbox.jobs.push_back(job);
                let runner = mailbox.runner.take();
                drop(mailboxes);
                if let Some(runner) = runner {
                    runner.wake();
                }
                Posted::Behind
            }
        }
    }

    /// Waits until a job is there. For the runner only.
    pub(super) async fn arrival(&self, automation: AutomationId) {
        poll_fn(|context| match self.lock().get_mut(&automation) {
            Some(mailbox) if mailbox.jobs.is_empty() => {
                mailbox.runner = Some(context.waker().clone());
                Poll::Pending
            }
            _ => Poll::Ready(()),
        })
        .await;
    }

    /// How many jobs of an automation wait.
    pub(super) fn waiting_for(&self, automation: AutomationId) -> usize {
        self.lock().get(&automation).map_or(0, |mailbox| mailbox.jobs.len())
    }

    /// Looks at the first `most` jobs, and leaves them there.
    pub(super) fn look(&self, automation: AutomationId, most: usize) -> Vec<Seen> {
        let mailboxes = self.lock();
        let jobs = mailboxes.get(&automation).map(|mailbox| mailbox.jobs.iter());
        jobs.into_iter().flatten().take(most).map(Seen::of).collect()
    }

    /// Takes the first `most` jobs. If none is there, the mailbox is gone and its runner must end.
    pub(super) fn take(&self, automation: AutomationId, most: usize) -> Option<Vec<Job>> {
        let mut mailboxes = self.lock();
        let waiting = &mut mailboxes.get_mut(&automation)?.jobs;
        if waiting.is_empty() {
            mailboxes.remove(&automation);
            return None;
        }
        let count = waiting.len().min(most);
        Some(waiting.drain(..count).collect())
    }

    /// Throws a mailbox away whose runner crashed; its callers learn that their jobs were dropped.
    pub(super) fn abandon(&self, automation: AutomationId) {
        let dropped = self.lock().remove(&automation);
        drop(dropped);
    }

    /// How many jobs wait, of all automations.
    pub(super) fn waiting(&self) -> usize {
        self.lock().values().map(|mailbox| mailbox.jobs.len()).sum()
    }

    pub(super) fn are_empty(&self) -> bool {
        self.lock().is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<AutomationId, Mailbox>> {
        self.by_automation.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
