//! A storage that can be held up.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use async_trait::async_trait;
use automation_kv::automation::AutomationId;
use automation_kv::storage::{
    Archive, Listed, MemoryStorage, Revision, Sealed, Step, Storage, StorageError, Stored, Swap,
};
use tokio::sync::{RwLock, Semaphore};

/// A storage in memory whose saves wait for permits, and fail or lose their race on demand.
pub struct Gated {
    pub inner: MemoryStorage,
    pub has_costly_loads: bool,
    /// Loads wait while it is held.
    pub loading: RwLock<()>,
    pub loads: AtomicU32,
    pub gate: Semaphore,
    pub began: Semaphore,
    pub saves: AtomicU32,
    pub losses: AtomicU32,
    pub failures: AtomicU32,
}

impl Default for Gated {
    fn default() -> Self {
        Self {
            inner: MemoryStorage::default(),
            has_costly_loads: false,
            loading: RwLock::default(),
            loads: AtomicU32::new(0),
            gate: Semaphore::new(0),
            began: Semaphore::new(0),
            saves: AtomicU32::new(0),
            losses: AtomicU32::new(0),
            failures: AtomicU32::new(0),
        }
    }
}

impl Gated {
    pub async fn wait_for_a_save(&self) {
        self.began.acquire().await.unwrap().forget();
    }

    async fn pass(&self) -> Result<(), StorageError> {
        self.began.add_permits(1);
        self.gate.acquire().await.unwrap().forget();
        if take_one(&self.failures) {
            return Err(StorageError::Unavailable(Arc::new(std::io::Error::other("on demand"))));
        }
        self.saves.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

#[async_trait]
impl Storage for Gated {
    async fn load(&self, automation: AutomationId) -> Result<Stored, StorageError> {
        let _free = self.loading.read().await;
        self.loads.fetch_add(1, Ordering::SeqCst);
        self.inner.load(automation).await
    }

    async fn swap(
        &self,
        automation: AutomationId,
        seen: Option<Revision>,
        sealed: Sealed,
        deadline: Instant,
    ) -> Result<Swap, StorageError> {
        self.pass().await?;
        if take_one(&self.losses) {
            return Ok(Swap::Lost);
        }
        self.inner.swap(automation, seen, sealed, deadline).await
    }

    async fn update(&self, automation: AutomationId, step: Step, deadline: Instant) -> Result<Swap, StorageError> {
        self.pass().await?;
        self.inner.update(automation, step, deadline).await
    }

    async fn delete(&self, automation: AutomationId, deadline: Instant) -> Result<bool, StorageError> {
        self.inner.delete(automation, deadline).await
    }

    async fn list(&self, after: Option<AutomationId>, limit: u32) -> Result<Vec<Listed>, StorageError> {
        self.inner.list(after, limit).await
    }

    async fn expired(&self, now_ms: u64, limit: u32) -> Result<Vec<AutomationId>, StorageError> {
        self.inner.expired(now_ms, limit).await
    }

    fn archive(&self) -> &dyn Archive {
        self.inner.archive()
    }

    fn has_costly_loads(&self) -> bool {
        self.has_costly_loads
    }

    async fn check(&self) -> Result<(), StorageError> {
        self.inner.check().await
    }

    async fn close(&self) {
        self.inner.close().await;
    }
}

fn take_one(count: &AtomicU32) -> bool {
    count
        .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |count| count.checked_sub(1))
        .is_ok()
}
