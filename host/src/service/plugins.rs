//! Transactions, and the threads on which they call plugins.
//!
//! A plugin may run for a thousand times as long as an operation. So a turn with calls is carried out on threads of its own,
//! which have a lower priority than those that carry out everything else.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use tokio::sync::{Semaphore, oneshot};

use super::mailbox::Work;
use super::{Service, ServiceError, Shared};
use crate::automation::{AutomationId, Writer};
use crate::engine::plugin::{CallReport, Level, Plugin, max_calls};
use crate::engine::{Carried, Refusal, Transaction};

/// What came of a transaction, or why the caller's transaction was refused.
pub type TransactionAnswer = Result<Carried, Refusal>;

/// The stack of each: more than a plugin's own.
const STACK_BYTES: usize = 4 << 20;

/// How much nicer they are to the other threads (from 0 to 19, as of `nice`).
const NICENESS: i32 = 10;

/// Work for a thread.
type Task = Box<dyn FnOnce() + Send>;

/// Threads that call plugins. They are started when they are first needed.
pub(super) struct PluginThreads {
    count: usize,
    free: Semaphore,
    tasks: Mutex<Option<SyncSender<Task>>>,
}

impl Service {
    /// Carries out a transaction in the turn of its automation, as [`write`](Self::write) does a request.
    pub async fn transact(
        &self,
        writer: impl Into<Writer>,
        transaction: impl Into<Arc<Transaction>>,
        arrival: Instant,
    ) -> Result<TransactionAnswer, ServiceError> {
        let transaction = transaction.into();
        let name = if transaction.always_bump { "batch" } else { "call" };
        let work = Work::Transaction(transaction);
        let answer = self.shared.write(writer.into(), work, arrival).await;
        self.shared.metrics.transacted(name, arrival, &answer);
        answer?.of_transaction()
    }
}

impl Shared {
    /// Notes a call that is over: in the metrics, and in the log what the plugin wrote there.
    pub(super) fn note_call(&self, automation: AutomationId, plugin: &Plugin, report: &CallReport) {
        let (name, sha256) = (&*plugin.description().name, plugin.sha256());
        self.metrics.called(name, report);
        for line in &report.lines {
            let message = &line.message;
            match line.level {
                Level::Debug => tracing::debug!(plugin = name, %automation, ?message, "plugin"),
                Level::Info => tracing::info!(plugin = name, %automation, ?message, "plugin"),
                Level::Warn => tracing::warn!(plugin = name, %automation, ?message, "plugin"),
                Level::Error => tracing::error!(plugin = name, %automation, ?message, "plugin"),
            }
        }
        if let Some((fault, cause)) = &report.fault {
            tracing::warn!(plugin = name, sha256, %automation, fault, ?cause, "a plugin's call was stopped and undone");
        }
    }
}

impl PluginThreads {
    pub(super) fn new() -> Self {
        let count = max_calls() as usize;
        Self {
            count,
            free: Semaphore::new(count),
            tasks: Mutex::default(),
        }
    }

    /// Does work on one of the threads, when one is free.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ServiceError> {
        let _free = self.free.acquire().await.map_err(|_| ServiceError::Dropped)?;
        let (sender, receiver) = oneshot::channel();
        let task: Task = Box::new(move || {
            // Nobody waits any more if the service is being dropped.
            let _ = sender.send(work());
        });
        let sent = self.threads()?.send(task);
        sent.map_err(|_| ServiceError::Dropped)?;
        receiver.await.map_err(|_| ServiceError::Dropped)
    }

    fn threads(&self) -> Result<SyncSender<Task>, ServiceError> {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = &*tasks {
            return Ok(sender.clone());
        }
        let (sender, receiver) = sync_channel(self.count);
        let receiver = Arc::new(Mutex::new(receiver));
        for _ in 0..self.count {
            let receiver = Arc::clone(&receiver);
            let thread = thread::Builder::new().name("plugins".into()).stack_size(STACK_BYTES);
            let started = thread.spawn(move || work_off(&receiver));
            started.map_err(|error| {
                tracing::error!(%error, "no thread for plugins");
                ServiceError::Dropped
            })?;
        }
        *tasks = Some(sender.clone());
        Ok(sender)
    }
}

/// Does one task after another until nobody can send any more.
fn work_off(receiver: &Mutex<Receiver<Task>>) {
    let this_thread = rustix::thread::gettid();
    if let Err(error) = rustix::process::setpriority_process(Some(this_thread), NICENESS) {
        tracing::debug!(%error, "plugins run at the priority of everything else");
    }
    loop {
        let task = receiver.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match task {
            Ok(task) => task(),
            Err(_) => return,
        }
    }
}
