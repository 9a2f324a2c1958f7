//! States in memory: for sandboxes and tests. Durable for as long as the process lives.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;

use super::{Listed, Record, Revision, Sealed, Step, Storage, StorageError, Stored, Swap};
use crate::automation::AutomationId;

/// A storage that forgets everything with the process.
#[derive(Debug, Default)]
pub struct MemoryStorage {
    rows: Mutex<BTreeMap<AutomationId, Row>>,
}

/// None stands for a tombstone.
type Row = Option<State>;

#[derive(Debug)]
struct State {
    listed: Listed,
    expires_at: Option<u64>,
}

impl MemoryStorage {
    /// One that holds a state already.
    pub fn holding(automation: AutomationId, sealed: Sealed) -> Self {
        let storage = Self::default();
        save(&mut storage.rows(), automation, sealed);
        storage
    }

    fn rows(&self) -> MutexGuard<'_, BTreeMap<AutomationId, Row>> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Storage for MemoryStorage {
    async fn load(&self, automation: AutomationId) -> Result<Stored, StorageError> {
        Ok(stored(&self.rows(), automation))
    }

    async fn swap(
        &self,
        automation: AutomationId,
        seen: Option<Revision>,
        sealed: Sealed,
        _deadline: Instant,
    ) -> Result<Swap, StorageError> {
        let mut rows = self.rows();
        let is_as_seen = match (stored(&rows, automation), seen) {
            (Stored::Absent, None) => true,
            (Stored::Present(record), Some(seen)) => record.revision == seen,
            _ => false,
        };
        if !is_as_seen {
            return Ok(Swap::Lost);
        }
        save(&mut rows, automation, sealed);
        Ok(Swap::Saved)
    }

    async fn update(&self, automation: AutomationId, step: Step, _deadline: Instant) -> Result<Swap, StorageError> {
        let mut rows = self.rows();
        if let Some(sealed) = step(stored(&rows, automation)) {
            save(&mut rows, automation, sealed);
        }
        Ok(Swap::Saved)
    }

    async fn delete(&self, automation: AutomationId, _deadline: Instant) -> Result<bool, StorageError> {
        Ok(matches!(self.rows().insert(automation, None), Some(Some(_))))
    }

    async fn list(&self, after: Option<AutomationId>, limit: u32) -> Result<Vec<Listed>, StorageError> {
        let rows = self.rows();
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let states = rows.range((from, Bound::Unbounded)).filter_map(|(_, row)| row.as_ref());
        Ok(states.take(limit as usize).map(|state| state.listed.clone()).collect())
    }

    async fn expired(&self, now_ms: u64, limit: u32) -> Result<Vec<AutomationId>, StorageError> {
        let rows = self.rows();
        let due = |(automation, row): (&AutomationId, &Row)| {
            let expires_at = row.as_ref()?.expires_at?;
            (expires_at <= now_ms).then_some((expires_at, *automation))
        };
        let mut due: Vec<_> = rows.iter().filter_map(due).collect();
        due.sort_unstable();
        Ok(due
            .into_iter()
            .take(limit as usize)
            .map(|(_, automation)| automation)
            .collect())
    }

    async fn check(&self) -> Result<(), StorageError> {
        Ok(())
    }

    async fn close(&self) {}
}

fn stored(rows: &BTreeMap<AutomationId, Row>, automation: AutomationId) -> Stored {
    match rows.get(&automation) {
        None => Stored::Absent,
        Some(None) => Stored::Deleted,
        Some(Some(state)) => Stored::Present(state.listed.record.clone()),
    }
}

fn save(rows: &mut BTreeMap<AutomationId, Row>, automation: AutomationId, sealed: Sealed) {
    let now = now_ms();
    let before = rows
        .get(&automation)
        .and_then(Option::as_ref)
        .map(|state| &state.listed);
    let listed = Listed {
        automation,
        record: Record {
            revision: before.map_or(0, |listed| listed.record.revision) + 1,
            sealed: sealed.bytes,
        },
        created_at: before.map_or(now, |listed| listed.created_at),
        updated_at: now,
    };
    let expires_at = sealed.expires_at;
    rows.insert(automation, Some(State { listed, expires_at }));
}

fn now_ms() -> u64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX)
}
