//! States in memory: for sandboxes and tests. Durable for as long as the process lives.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use async_trait::async_trait;

use super::{Record, Revision, Step, Storage, StorageError, Stored, Swap};
use crate::automation::AutomationId;

/// A storage that forgets everything with the process.
#[derive(Debug, Default)]
pub struct MemoryStorage {
    records: Mutex<HashMap<AutomationId, Record>>,
}

impl MemoryStorage {
    fn records(&self) -> MutexGuard<'_, HashMap<AutomationId, Record>> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Storage for MemoryStorage {
    async fn load(&self, automation: AutomationId) -> Result<Stored, StorageError> {
        Ok(stored(&self.records(), automation))
    }

    async fn swap(
        &self,
        automation: AutomationId,
        seen: Option<Revision>,
        sealed: Vec<u8>,
        _deadline: Instant,
    ) -> Result<Swap, StorageError> {
        let mut records = self.records();
        if records.get(&automation).map(|record| record.revision) != seen {
            return Ok(Swap::Lost);
        }
        save(&mut records, automation, sealed);
        Ok(Swap::Saved)
    }

    async fn update(&self, automation: AutomationId, step: Step, _deadline: Instant) -> Result<(), StorageError> {
        let mut records = self.records();
        if let Some(sealed) = step(stored(&records, automation)) {
            save(&mut records, automation, sealed);
        }
        Ok(())
    }

    async fn check(&self) -> Result<(), StorageError> {
        Ok(())
    }

    async fn close(&self) {}
}

fn stored(records: &HashMap<AutomationId, Record>, automation: AutomationId) -> Stored {
    records
        .get(&automation)
        .cloned()
        .map_or(Stored::Absent, Stored::Present)
}

fn save(records: &mut HashMap<AutomationId, Record>, automation: AutomationId, sealed: Vec<u8>) {
    let revision = records.get(&automation).map_or(0, |record| record.revision) + 1;
    records.insert(automation, Record { revision, sealed });
}
