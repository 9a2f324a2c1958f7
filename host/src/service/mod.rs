//! Requests on states: reads beside each other, writes of one automation one group after another.
//!
//! Every automation has a mailbox for its writes. A runner takes everything that waits in it, opens one
//! engine session, carries out each request on its own, commits once and answers all. An answer goes
//! out only after the commit is durable. A lost compare-and-set opens a new session on what is stored now
//! and carries out the same requests.

mod automations;
mod execution;
mod mailbox;
mod metrics;
mod runner;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::timeout_at;

use crate::automation::AutomationId;
use crate::engine::types::{Rejection, Reply, Request};
use crate::engine::{Engine, EngineError};
use crate::storage::{Storage, StorageError, Stored};
use crate::vault::Vault;
use mailbox::{Job, Mailboxes, Posted};
use metrics::Metrics;

pub use automations::AutomationSummary;
pub use metrics::MEDIA_TYPE as METRICS_MEDIA_TYPE;

/// How the service treats requests.
#[derive(Debug, Clone, Copy)]
pub struct ServiceOptions {
    /// The largest document, in bytes of compact JSON; 0 for no limit.
    pub max_state_bytes: u64,
    /// The longest that a request waits for others, counted from its arrival.
    pub lock_timeout: Duration,
    /// The most writes that may wait for one automation.
    pub max_waiting: usize,
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
    mailboxes: Mailboxes,
    metrics: Metrics,
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
            lock_timeout: Duration::from_secs(5),
            max_waiting: 1024,
        }
    }
}

impl Service {
    /// A service on a storage.
    pub fn new(storage: Arc<dyn Storage>, engine: Engine, vault: Vault, options: ServiceOptions) -> Self {
        Self {
            shared: Arc::new(Shared {
                storage,
                engine,
                vault,
                options,
                mailboxes: Mailboxes::new(options.max_waiting),
                metrics: Metrics::new(),
            }),
        }
    }

    /// How it treats requests.
    pub fn options(&self) -> ServiceOptions {
        self.shared.options
    }

    /// Carries out a request that only reads, on what is committed now. Sees every write that was
    /// answered before.
    pub async fn read(
        &self,
        automation: AutomationId,
        request: Request,
        arrival: Instant,
    ) -> Result<Answer, ServiceError> {
        let deadline = arrival + self.shared.options.lock_timeout;
        let answer = match self.shared.load(automation, deadline).await {
            Ok(stored) => self.shared.read(automation, stored, &request),
            Err(error) => Err(error),
        };
        let name = metrics::operation_name(&request);
        self.shared.metrics.finished(name, arrival, &answer);
        answer
    }

    /// Carries out a request that may write, after those of the same automation that came before. The
    /// request runs to its end even if the caller stops waiting for the answer.
    pub async fn write(
        &self,
        automation: AutomationId,
        request: Request,
        arrival: Instant,
    ) -> Result<Answer, ServiceError> {
        let name = metrics::operation_name(&request);
        let answer = self.write_in_turn(automation, request, arrival).await;
        self.shared.metrics.finished(name, arrival, &answer);
        answer
    }

    async fn write_in_turn(
        &self,
        automation: AutomationId,
        request: Request,
        arrival: Instant,
    ) -> Result<Answer, ServiceError> {
        let deadline = arrival + self.shared.options.lock_timeout;
        let (job, ticket) = Job::new(request, arrival, deadline);
        match self.shared.mailboxes.post(automation, job) {
            Posted::First => drop(tokio::spawn(runner::run(Arc::clone(&self.shared), automation))),
            Posted::Behind => {}
            Posted::Full => return Err(ServiceError::Overloaded),
        }
        ticket.answer(deadline).await
    }

    /// Whether the storage answers.
    pub async fn check(&self) -> Result<(), StorageError> {
        self.shared.storage.check().await
    }

    /// What is counted and timed, in the text format of `OpenMetrics` ([`METRICS_MEDIA_TYPE`]).
    pub fn metrics(&self) -> String {
        let waiting = self.shared.mailboxes.waiting();
        self.shared.metrics.text(waiting, self.shared.storage.connections())
    }

    /// Finishes the writes that were taken, then closes the storage.
    pub async fn close(&self) {
        const POLL: Duration = Duration::from_millis(5);
        while !self.shared.mailboxes.are_empty() {
            tokio::time::sleep(POLL).await;
        }
        self.shared.storage.close().await;
    }
}

impl Shared {
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
