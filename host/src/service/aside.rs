//! Sessions on large states, beside the threads that serve.
//!
//! A thread that serves does one thing after another, so whatever takes long there holds up others' requests: all of them,
//! where one thread serves. As many of these run at a time as there are processors.

use std::sync::Arc;
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
    free: Arc<Semaphore>,
}

impl Aside {
    pub(super) fn new() -> Self {
        Self {
            free: Arc::new(Semaphore::new(threads::processors())),
        }
    }

    /// Whether a session on a state belongs here.
    pub(super) fn is_for(stored: &Stored) -> bool {
        matches!(stored, Stored::Present(record) if Self::is_for_bytes(&record.sealed))
    }

    /// Whether a session on sealed bytes does.
    pub(super) fn is_for_bytes(sealed: &[u8]) -> bool {
        sealed.len() > MAX_INLINE_BYTES
    }

    /// Does work on a thread that does nothing else meanwhile, once one is free; busy, if none is before the deadline. It has
    /// that thread until it ends, also if nobody waits for it any more.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
        deadline: Instant,
    ) -> Result<T, ServiceError> {
        let free = timeout_at(deadline.into(), Arc::clone(&self.free).acquire_owned()).await;
        let free = free
            .map_err(|_| ServiceError::Busy)?
            .map_err(|_| ServiceError::Dropped)?;
        let worked = tokio::task::spawn_blocking(move || {
            let _free = free;
            work()
        });
        worked.await.map_err(|_| ServiceError::Dropped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;
    use std::time::Duration;

    #[tokio::test]
    async fn work_that_nobody_waits_for_keeps_its_place_until_it_ends() {
        let aside = Aside::new();
        let mut holding = Vec::new();
        for _ in 0..threads::processors() {
            let (hold, released) = mpsc::channel::<()>();
            let work = aside.run(move || released.recv(), Instant::now() + Duration::from_mins(1));
            assert!(tokio::time::timeout(Duration::from_millis(50), work).await.is_err());
            holding.push(hold);
        }
        let soon = || Instant::now() + Duration::from_millis(50);
        assert!(matches!(aside.run(|| (), soon()).await, Err(ServiceError::Busy)));
        drop(holding);
        aside.run(|| (), Instant::now() + Duration::from_mins(1)).await.unwrap();
    }
}
