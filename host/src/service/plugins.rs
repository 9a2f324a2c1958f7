//! Transactions, and the threads on which they call plugins.
//!
//! A plugin may run for a thousand times as long as an operation. So a turn with calls is carried out on a thread of its own,
//! which has a lower priority than all others once a call runs for long.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

use lru::LruCache;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::timeout_at;

use super::mailbox::Work;
use super::{Service, ServiceError, Shared};
use crate::automation::{AutomationId, Writer};
use crate::engine::plugin::{CallReport, Level, Plugin, max_calls, pace, priority};
use crate::engine::{Carried, Refusal, Transaction};

/// What came of a transaction, or why the caller's transaction was refused.
pub type TransactionAnswer = Result<Carried, Refusal>;

/// The stack of each: more than a plugin's own.
const STACK_BYTES: usize = 4 << 20;

/// The most automations that are remembered for their greed.
const MAX_REMEMBERED: NonZeroUsize = NonZeroUsize::new(1024).unwrap();

/// Work for a thread.
type Task = Box<dyn FnOnce() + Send>;

/// Threads that call plugins. They are started when they are needed, and kept unless a plugin has spoiled them.
pub(super) struct PluginThreads {
    free: Arc<Semaphore>,
    idle: Mutex<Vec<Sender<Task>>>,
    /// One thread at a time for automations whose latest call used up all it may, and not all of the time.
    free_for_greedy: Arc<Semaphore>,
    greedy: Mutex<LruCache<AutomationId, ()>>,
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
        self.plugin_threads.note(automation, report.is_greedy);
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
        Self {
            free: Arc::new(Semaphore::new(max_calls() as usize)),
            idle: Mutex::default(),
            free_for_greedy: Arc::new(Semaphore::new(1)),
            greedy: Mutex::new(LruCache::new(MAX_REMEMBERED)),
        }
    }

    /// Notes whether an automation's call has used up all it may.
    fn note(&self, automation: AutomationId, is_greedy: bool) {
        let mut greedy = lock(&self.greedy);
        if is_greedy {
            greedy.put(automation, ());
        } else {
            greedy.pop(&automation);
        }
    }

    /// Does an automation's work on one of the threads, when fewer than all are busy.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        automation: AutomationId,
        work: impl FnOnce() -> T + Send + 'static,
        deadline: Instant,
    ) -> Result<T, ServiceError> {
        let is_greedy = lock(&self.greedy).contains(&automation);
        let turn = if is_greedy {
            Some(free(&self.free_for_greedy, deadline).await?)
        } else {
            None
        };
        let _free = free(&self.free, deadline).await?;
        let (sender, receiver) = oneshot::channel();
        let task: Task = Box::new(move || {
            if is_greedy {
                priority::lower();
            }
            let had_run = pace::processor_time();
            let result = work();
            let ran = pace::processor_time().saturating_sub(had_run);
            // Nobody waits any more if the service is being dropped.
            let _ = sender.send((result, ran, priority::is_lowered()));
        });
        let thread = lock(&self.idle).pop();
        let thread = thread.map_or_else(start, Ok)?;
        let begun = Instant::now();
        thread.send(task).map_err(|_| ServiceError::Dropped)?;
        let (result, ran, is_spoiled) = receiver.await.map_err(|_| ServiceError::Dropped)?;
        if let Some(turn) = turn {
            // The next one has to wait for as long as the work would have taken at the pace of a long call.
            tokio::spawn(async move {
                tokio::time::sleep_until((begun + pace::with_rests(ran)).into()).await;
                drop(turn);
            });
        }
        if !is_spoiled {
            lock(&self.idle).push(thread);
        }
        Ok(result)
    }
}

/// Waits for a thread to be free.
async fn free(semaphore: &Arc<Semaphore>, deadline: Instant) -> Result<OwnedSemaphorePermit, ServiceError> {
    let free = timeout_at(deadline.into(), Arc::clone(semaphore).acquire_owned()).await;
    free.map_err(|_| ServiceError::Busy)?.map_err(|_| ServiceError::Dropped)
}

/// A new thread, which ends when nobody can send to it any more.
fn start() -> Result<Sender<Task>, ServiceError> {
    let (sender, tasks) = channel::<Task>();
    let thread = thread::Builder::new().name("plugins".into()).stack_size(STACK_BYTES);
    let started = thread.spawn(move || {
        priority::allow_lowering();
        while let Ok(task) = tasks.recv() {
            task();
        }
    });
    started.map_err(|error| {
        tracing::error!(%error, "no thread for a plugin");
        ServiceError::Dropped
    })?;
    Ok(sender)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
