//! States in memory: for sandboxes and tests. Durable for as long as the process lives.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;

use super::{
    Archive, Keep, Kept, Listed, Place, Record, Revision, RowCounts, Sealed, SealedRow, Step, Storage, StorageError,
    Stored, Swap,
};
use crate::automation::{AutomationId, RunId};

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
    /// Lowest version first.
    kept: Vec<(Kept, Option<Vec<u8>>)>,
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

    fn archive(&self) -> &dyn Archive {
        self
    }

    async fn check(&self) -> Result<(), StorageError> {
        Ok(())
    }

    async fn close(&self) {}
}

#[async_trait]
impl Archive for MemoryStorage {
    async fn history(&self, automation: AutomationId) -> Result<Vec<Kept>, StorageError> {
        let rows = self.rows();
        let kept = rows.get(&automation).and_then(Option::as_ref);
        let kept = kept.into_iter().flat_map(|state| state.kept.iter().rev());
        Ok(kept.map(|(kept, _)| kept.clone()).collect())
    }

    async fn kept(&self, automation: AutomationId, run: &RunId) -> Result<Option<Option<Vec<u8>>>, StorageError> {
        let rows = self.rows();
        let state = rows.get(&automation).and_then(Option::as_ref);
        let kept = state.and_then(|state| state.kept.iter().find(|(kept, _)| kept.run == *run));
        Ok(kept.map(|(_, sealed)| sealed.clone()))
    }

    async fn kept_page(
        &self,
        after: Option<(AutomationId, RunId)>,
        limit: u32,
    ) -> Result<Vec<SealedRow>, StorageError> {
        let rows = self.rows();
        let mut page: Vec<SealedRow> = rows
            .iter()
            .filter_map(|(automation, row)| Some((*automation, row.as_ref()?)))
            .flat_map(|(automation, state)| state.kept.iter().filter_map(move |kept| sealed_row(automation, kept)))
            .collect();
        page.sort_by(|one, other| position(one).cmp(&position(other)));
        let after = after.as_ref().map(|(automation, run)| (*automation, Some(run)));
        let page = page.into_iter().filter(|row| Some(position(row)) > after);
        Ok(page.take(limit as usize).collect())
    }

    async fn count(&self) -> Result<RowCounts, StorageError> {
        let rows = self.rows();
        let states = rows.values().filter_map(Option::as_ref);
        let kept = states.clone().flat_map(|state| &state.kept);
        Ok(RowCounts {
            states: states.count() as u64,
            history: kept.filter(|(_, sealed)| sealed.is_some()).count() as u64,
        })
    }

    async fn reseal(&self, resealed: Vec<SealedRow>, _deadline: Instant) -> Result<Vec<Swap>, StorageError> {
        let mut rows = self.rows();
        let swap = |row: SealedRow| {
            let state = rows.get_mut(&row.automation).and_then(Option::as_mut);
            if state.is_some_and(|state| state.reseal(row)) {
                Swap::Saved
            } else {
                Swap::Lost
            }
        };
        Ok(resealed.into_iter().map(swap).collect())
    }
}

impl State {
    fn reseal(&mut self, row: SealedRow) -> bool {
        match row.place {
            Place::State(revision) if self.listed.record.revision == revision => {
                self.listed.record = Record {
                    revision: revision + 1,
                    sealed: row.sealed,
                };
                true
            }
            Place::State(_) => false,
            Place::History(run, version) => {
                let mut kept = self.kept.iter_mut();
                let found = kept.find(|(kept, _)| kept.run == run && kept.version == version);
                let Some(sealed) = found.and_then(|(_, sealed)| sealed.as_mut()) else {
                    return false;
                };
                *sealed = row.sealed;
                true
            }
        }
    }

    /// Keeps what this state is, or that there was none, unless something is kept for the run.
    fn keep(&mut self, keep: Keep, sealed: Option<Vec<u8>>) {
        if self.kept.iter().any(|(kept, _)| kept.run == keep.run) {
            return;
        }
        let kept = Kept {
            run: keep.run,
            version: keep.version,
            size_bytes: keep.size_bytes,
            kept_at: now_ms(),
        };
        self.kept.push((kept, sealed));
        let surplus = self.kept.len().saturating_sub(keep.runs as usize);
        self.kept.drain(..surplus);
    }
}

fn sealed_row(automation: AutomationId, (kept, sealed): &(Kept, Option<Vec<u8>>)) -> Option<SealedRow> {
    Some(SealedRow {
        automation,
        place: Place::History(kept.run.clone(), kept.version),
        sealed: sealed.clone()?,
    })
}

fn position(row: &SealedRow) -> (AutomationId, Option<&RunId>) {
    match &row.place {
        Place::State(_) => (row.automation, None),
        Place::History(run, _) => (row.automation, Some(run)),
    }
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
    let before = rows.remove(&automation).flatten();
    let listed = Listed {
        automation,
        record: Record {
            revision: before.as_ref().map_or(0, |state| state.listed.record.revision) + 1,
            sealed: sealed.bytes,
        },
        created_at: before.as_ref().map_or(now, |state| state.listed.created_at),
        updated_at: now,
    };
    let (before, kept) = before.map(|state| (state.listed.record.sealed, state.kept)).unzip();
    let mut state = State {
        listed,
        expires_at: sealed.expires_at,
        kept: kept.unwrap_or_default(),
    };
    if let Some(keep) = sealed.keep {
        state.keep(keep, before);
    }
    rows.insert(automation, Some(state));
}

fn now_ms() -> u64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX)
}
