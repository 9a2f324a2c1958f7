//! Sessions on large states, beside the threads that serve.
//!
//! A thread that serves does one thing after another, so whatever takes long there holds up others' requests: all of them,
//! where one thread serves. As many of these run at a time as there are processors.

use std::time::Instant;

use tokio::sync::Semaphore;
use tokio::time::timeout_at;

use super::ServiceError;
use crate::storage::Stored;
use crate::threads;

/// The largest sealed state that a thread that serves works on itself, which takes it a millisecond or two. Of anything
/// smaller, handing it on and back would be a part that counts.
const MAX_INLINE_BYTES: usize = 256 << 10;

/// The room for such sessions.
pub(super) struct Aside {
    free: Semaphore,
}

impl Aside {
    pub(super) fn new() -> Self {
        Self {
            free: Semaphore::new(threads::processors()),
        }
    }

    /// Whether a session on a state belongs here.
    pub(super) fn is_for(stored: &Stored) -> bool {
        matches!(stored, Stored::Present(record) if record.sealed.len() > MAX_INLINE_BYTES)
    }

    /// Does work on a thread that does nothing else meanwhile, once one is free.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
        deadline: Instant,
    ) -> Result<T, ServiceError> {
        let free = timeout_at(deadline.into(), self.free.acquire()).await;
        let _free = free
            .map_err(|_| ServiceError::Busy)?
            .map_err(|_| ServiceError::Dropped)?;
        tokio::task::spawn_blocking(work)
            .await
            .map_err(|_| ServiceError::Dropped)
    }
}
