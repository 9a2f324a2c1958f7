//! Requests on states: reads beside each other, writes of one automation one group after another.
//!
//! Reads of one automation that come at the same time share a session.
//!
//! Every automation has a mailbox for its writes. A runner takes everything that waits in it, opens one
//! engine session, carries out each request on its own, commits once and answers all. An answer goes
//! out only after the commit is durable. A lost compare-and-set opens a new session on what is stored now
//! and carries out the same requests.
//!
//! Of several services of one machine on one database, one carries out those of all.
//!
//! A read that finds keys whose time has come is carried out once more as a write, so that they are gone for good before
//! anybody is told so. A sweep does the same for states that nobody touches.

mod ahead;
mod aside;
mod automations;
mod bases;
mod clock;
mod execution;
mod history;
mod lasting;
mod mailbox;
mod metrics;
mod neighbours;
mod plugins;
mod reads;
mod runner;
mod sweep;

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::timeout_at;

use crate::automation::{AutomationId, Writer};
use crate::engine::types::{Rejection, Reply, Request};
use crate::engine::{Engine, EngineError};
use crate::plugins::Plugins;
use crate::report::Chain;
use crate::storage::{Storage, StorageError, Stored};
use crate::vault::{TimestampMs, Vault};
use aside::Aside;
use bases::Bases;
use clock::Clock;
use history::KeptRuns;
use lasting::Lasting;
use mailbox::{Job, Mailboxes, Posted, Work, Worked};
use metrics::Metrics;
use neighbours::Neighbours;
use plugins::PluginThreads;
use reads::Meetings;
use sweep::Sweeping;

pub use automations::AutomationSummary;
pub use history::{Earlier, HistoryError, Snapshot};
pub use metrics::MEDIA_TYPE as METRICS_MEDIA_TYPE;
pub use plugins::TransactionAnswer;

/// How the service treats requests.
#[derive(Debug, Clone, Copy)]
pub struct ServiceOptions {
    /// The largest document, in bytes of compact JSON; 0 for no limit.
    pub max_state_bytes: u64,
    /// The largest single value, in bytes of compact JSON; 0 for no limit.
    pub max_value_bytes: u64,
    /// The longest that a request waits for others, counted from its arrival.
    pub lock_timeout: Duration,
    /// Of how many runs of each automation the state before their first write is kept; 0 for none.
    pub history_runs: u32,
    /// The most writes that may wait for one automation.
    pub max_waiting: usize,
    /// Between two looks for states with expired keys that nobody touches, once
    /// [`start_sweep`](Service::start_sweep) was called.
    pub sweep_interval: Duration,
    /// The time at which everything happens, for a trial that is to give the same results again; none for the system's.
    pub fixed_now: Option<TimestampMs>,
}

/// The service itself. Cheap to clone.
#[derive(Clone)]
pub struct Service {
    shared: Arc<Shared>,
}

struct Shared {
    storage: Arc<dyn Storage>,
    engine: Engine,
    vault: Vault,
    options: ServiceOptions,
    clock: Clock,
    mailboxes: Mailboxes,
    bases: Bases,
    meetings: Meetings,
    neighbours: Neighbours,
    kept_runs: KeptRuns,
    plugin_threads: PluginThreads,
    aside: Aside,
    metrics: Metrics,
    sweeping: Sweeping,
}

/// A reply, or why the caller's request was refused.
pub type Answer = Result<Reply, Rejection>;

/// Why a request got no answer from the engine.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ServiceError {
    /// It waited longer than the lock timeout. Nothing was written.
    #[error("another operation held the state for longer than the lock timeout")]
    Busy,
    /// Too many writes wait for this automation already. Nothing was written.
    #[error("too many writes wait for this automation")]
    Overloaded,
    /// The automation was deleted.
    #[error("the automation was deleted")]
    Deleted,
    /// The database of the Python service does not know the automation.
    #[error("the database has no such automation")]
    UnknownAutomation,
    /// The storage did not answer in time. For a write: nothing was written.
    #[error("the storage did not answer in time")]
    TimedOut,
    /// The storage failed. For a write: nothing was written, unless it says that the outcome is unknown.
    #[error(transparent)]
    Storage(StorageError),
    /// The engine failed. Nothing was written.
    #[error(transparent)]
    Engine(Arc<EngineError>),
    /// The request's runner went away: a defect of the service.
    #[error("the request was dropped by the service")]
    Dropped,
}

impl Default for ServiceOptions {
    fn default() -> Self {
        Self {
            max_state_bytes: 65_536,
            max_value_bytes: 65_536,
            lock_timeout: Duration::from_secs(5),
            history_runs: 10,
            max_waiting: 1024,
            sweep_interval: Duration::from_secs(30),
            fixed_now: None,
        }
    }
}

impl Service {
    /// A service on a storage.
    pub fn new(storage: Arc<dyn Storage>, engine: Engine, vault: Vault, options: ServiceOptions) -> Self {
        let bases = Bases::new(storage.has_costly_loads());
        Self {
            shared: Arc::new(Shared {
                storage,
                engine,
                vault,
                options,
                clock: Clock::new(options.fixed_now),
                mailboxes: Mailboxes::new(options.max_waiting),
                bases,
                meetings: Meetings::new(),
                neighbours: Neighbours::default(),
                kept_runs: KeptRuns::new(options.history_runs),
                plugin_threads: PluginThreads::new(),
                aside: Aside::new(),
                metrics: Metrics::new(),
                sweeping: Sweeping::default(),
            }),
        }
    }

    /// How it treats requests.
    pub fn options(&self) -> ServiceOptions {
        self.shared.options
    }

    /// The time that sessions happen at: the system's, except that it never goes back, or the one that was fixed.
    pub fn now(&self) -> TimestampMs {
        self.shared.clock.now()
    }

    /// Carries out a request that only reads, on what is committed now. Sees every write that was
    /// answered before.
    pub async fn read(
        &self,
        automation: AutomationId,
        request: impl Into<Arc<Request>>,
        arrival: Instant,
    ) -> Result<Answer, ServiceError> {
        let request = request.into();
        let name = metrics::operation_name(&request);
        let answer = match self.shared.hand_read_on(automation, &request, arrival).await {
            Some(answer) => Ok(answer),
            None => self.shared.read_committed(automation, request, arrival).await,
        };
        self.shared.metrics.finished(name, arrival, &answer);
        answer
    }

    /// Carries out a request that may write, after those of the same automation that came before. The
    /// request runs to its end even if the caller stops waiting for the answer. Before the first write of a run, the state
    /// is kept.
    pub async fn write(
        &self,
        writer: impl Into<Writer>,
        request: impl Into<Arc<Request>>,
        arrival: Instant,
    ) -> Result<Answer, ServiceError> {
        let request = request.into();
        let name = metrics::operation_name(&request);
        let writer = writer.into();
        let answer = match self.shared.hand_on(&writer, &request, arrival).await {
            Some(answer) => answer,
            None => {
                let worked = self.shared.write(writer, Work::Request(request), arrival).await;
                worked.and_then(Worked::of_request)
            }
        };
        self.shared.metrics.finished(name, arrival, &answer);
        answer
    }

    /// Whether the storage answers.
    pub async fn check(&self) -> Result<(), StorageError> {
        self.shared.storage.check().await
    }

    /// What is counted and timed, and which plugins there are, in the text format of `OpenMetrics` ([`METRICS_MEDIA_TYPE`]).
    pub fn metrics(&self, plugins: &Plugins) -> String {
        let waiting = self.shared.mailboxes.waiting();
        self.shared
            .metrics
            .text(waiting, self.shared.storage.connections(), plugins)
    }

    /// Finishes the writes that were taken, then closes the storage.
    pub async fn close(&self) {
        const POLL: Duration = Duration::from_millis(5);
        self.shared.sweeping.stop();
        self.shared.neighbours.leave().await;
        while !self.shared.mailboxes.are_empty() {
            tokio::time::sleep(POLL).await;
        }
        self.shared.storage.close().await;
    }
}

impl Shared {
    /// Does work in the turn of its automation.
    async fn write(self: &Arc<Self>, writer: Writer, work: Work, arrival: Instant) -> Result<Worked, ServiceError> {
        let Writer { automation, run } = writer;
        let deadline = arrival + self.options.lock_timeout;
        let (job, ticket) = Job::new(work, run, arrival, deadline);
        match self.mailboxes.post(automation, job) {
            Posted::First => {
                let mut runner = Lasting::new(runner::run(Arc::clone(self), automation));
                let mut answer = pin!(ticket.answer(deadline));
                tokio::select! {
                    biased;
                    () = &mut runner => answer.await,
                    answer = &mut answer => answer,
                }
            }
            Posted::Behind => ticket.answer(deadline).await,
            Posted::Full => Err(ServiceError::Overloaded),
        }
    }

    /// Carries out a request on what is stored, out of turn; in turn, if keys were found expired.
    async fn read_committed(
        self: &Arc<Self>,
        automation: AutomationId,
        request: Arc<Request>,
        arrival: Instant,
    ) -> Result<Answer, ServiceError> {
        let deadline = arrival + self.options.lock_timeout;
        let reading = self.read_with_others(automation, &request, deadline).await?;
        if !reading.has_expired {
            return Ok(reading.answer);
        }
        let worked = self.write(automation.into(), Work::Request(request), arrival).await;
        match worked.and_then(Worked::of_request) {
            Ok(answer) => Ok(answer),
            // A storage that takes no writes now still lets read.
            Err(error) => {
                tracing::debug!(%automation, error = %Chain(&error), "expired keys stay where they are");
                Ok(reading.answer)
            }
        }
    }

    /// What is stored, if the storage says so in time.
    async fn load(&self, automation: AutomationId, deadline: Instant) -> Result<Stored, ServiceError> {
        let load = self.storage.load(automation);
        let loaded = timeout_at(deadline.into(), load).await;
        Ok(loaded.map_err(|_| ServiceError::TimedOut)??)
    }
}

impl From<StorageError> for ServiceError {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Busy => Self::Busy,
            StorageError::UnknownAutomation => Self::UnknownAutomation,
            StorageError::NoConnection => Self::TimedOut,
            error => Self::Storage(error),
        }
    }
}

impl From<EngineError> for ServiceError {
    fn from(error: EngineError) -> Self {
        Self::Engine(Arc::new(error))
    }
}
