//! Removing the bytes of keys whose time has come, where nobody touches them, and letting go of opened states.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::future::join;
use tokio::task::JoinHandle;

use super::mailbox::Work;
use super::{Service, Shared};
use crate::automation::AutomationId;
use crate::engine::types::Request;
use crate::report::Chain;

/// Automations that the storage is asked for at once.
const BATCH: u32 = 64;

/// How long an opened state is kept that nobody asks for; up to as long again, until the next look.
const OPENED_LIFETIME: Duration = Duration::from_secs(30);

/// Purges under way at the same time, each of another automation.
const CONCURRENT: usize = 4;

impl Service {
    /// Starts to look every [`sweep_interval`](super::ServiceOptions::sweep_interval) for states with expired keys, and to
    /// save them without; and to let go of opened states that nobody asks for. Ends with [`close`](Self::close), or with the
    /// service. Needs a tokio runtime.
    pub fn start_sweep(&self) {
        let shared = || Arc::downgrade(&self.shared);
        let both = join(run(shared(), self.shared.options.sweep_interval), forget(shared()));
        let sweeping = tokio::spawn(async {
            both.await;
        });
        self.shared.sweeping.replace(sweeping);
    }
}

/// The task that sweeps, if it was started.
#[derive(Debug, Default)]
pub(super) struct Sweeping(Mutex<Option<JoinHandle<()>>>);

impl Sweeping {
    /// Ends it. A purge that was posted is carried out all the same.
    pub(super) fn stop(&self) {
        self.set(None);
    }

    fn replace(&self, sweeping: JoinHandle<()>) {
        self.set(Some(sweeping));
    }

    fn set(&self, next: Option<JoinHandle<()>>) {
        let mut current = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(before) = std::mem::replace(&mut *current, next) {
            before.abort();
        }
    }
}

async fn run(shared: Weak<Shared>, interval: Duration) {
    loop {
        tokio::time::sleep(interval).await;
        let Some(shared) = shared.upgrade() else { return };
        shared.sweep().await;
    }
}

/// Lets go of opened states in time, however long a sweep takes.
async fn forget(shared: Weak<Shared>) {
    loop {
        tokio::time::sleep(OPENED_LIFETIME).await;
        let Some(shared) = shared.upgrade() else { return };
        shared.vault.forget_unused(OPENED_LIFETIME);
    }
}

impl Shared {
    /// Purges everything that is due, each automation once. What does not work now is left for the next time.
    async fn sweep(self: &Arc<Self>) {
        let mut failed: HashSet<AutomationId> = HashSet::new();
        loop {
            // Those that failed may still be listed, and come first.
            let limit = BATCH.saturating_add(u32::try_from(failed.len()).unwrap_or(u32::MAX));
            let due = match self.storage.expired(self.clock.now(), limit).await {
                Ok(due) => due,
                Err(error) => {
                    tracing::debug!(error = %Chain(&error), "the sweep cannot see what has expired");
                    return;
                }
            };
            let is_all = due.len() < limit as usize;
            let new = due.into_iter().filter(|automation| !failed.contains(automation));
            let purges = new.map(|automation| async move { (automation, self.purge(automation).await) });
            let results: Vec<_> = futures_util::stream::iter(purges)
                .buffer_unordered(CONCURRENT)
                .collect()
                .await;
            let is_stuck = results.is_empty();
            failed.extend(
                results
                    .into_iter()
                    .filter(|(_, done)| !done)
                    .map(|(automation, _)| automation),
            );
            if is_all || is_stuck {
                return;
            }
        }
    }

    /// Has an automation's state saved without its expired keys; whether there were any. Somebody else may have been
    /// faster, or the storage's hint was wrong.
    async fn purge(self: &Arc<Self>, automation: AutomationId) -> bool {
        match self
            .write(
                automation.into(),
                Work::Request(Arc::new(Request::of(Vec::new()))),
                Instant::now(),
            )
            .await
        {
            Ok(reply) => {
                let has_expired = reply.reply().is_some_and(|reply| reply.has_expired);
                if has_expired {
                    self.metrics.swept();
                }
                has_expired
            }
            Err(error) => {
                tracing::debug!(%automation, error = %Chain(&error), "the sweep leaves a state as it is");
                false
            }
        }
    }
}
