//! Rotation: what each secret still holds, and sealing all of it anew with the current one, beside running services.
//!
//! Rows are walked in pages and swapped compare-and-set, so a write that comes in between simply wins: its host seals with
//! its own current secret. What is sealed with the current one already is left alone, so a rotation that was cut short goes
//! on where it ended when it is started again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::automation::{AutomationId, RunId};
use crate::storage::{Place, RowCounts, SealedRow, Storage, StorageError, Swap};
use crate::vault::{SealedWith, Vault, VaultError};

/// Rows in memory at once, and in one transaction.
const PAGE: u32 = 32;

/// The most times that all rows are walked. Each finds less than the one before, unless a service still seals with a former
/// secret.
const MAX_PASSES: u32 = 10;

/// How long a transaction may wait for the database.
const SAVE_TIME: Duration = Duration::from_secs(30);

/// The most rows that do not open that are told by name.
const MAX_NAMED: usize = 20;

/// All rows of a storage, and the secrets.
pub struct Rotation {
    storage: Arc<dyn Storage>,
    vault: Vault,
}

/// What rows are sealed with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Census {
    /// How many rows there are of each secret; of those that hold none, nothing is said.
    pub sealed: BTreeMap<SealedWith, RowCounts>,
    /// Rows that open with none.
    pub unopenable: Unopenable,
}

/// Rows that open with no secret.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unopenable {
    /// How many.
    pub counts: RowCounts,
    /// The first of them.
    pub first: Vec<Broken>,
}

/// A row that does not open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// Whose.
    pub automation: AutomationId,
    /// Before which run it was kept, if it is one of the history.
    pub run: Option<RunId>,
    /// Why.
    pub error: VaultError,
}

/// What a rotation came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotated {
    /// Rows that were sealed anew.
    pub resealed: u64,
    /// How often all rows were walked.
    pub passes: u32,
    /// Whether the last pass found nothing more to do.
    pub is_complete: bool,
    /// Rows that it could do nothing about.
    pub unopenable: Unopenable,
}

/// How far a pass is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Which pass, from 1.
    pub pass: u32,
    /// Rows that it has seen.
    pub seen: u64,
    /// Rows that there were when it began.
    pub total: u64,
    /// Rows that were sealed anew so far, in all passes.
    pub resealed: u64,
}

/// What a pass has found.
#[derive(Default)]
struct Pass {
    /// Rows that were not sealed with the current secret.
    stale: u64,
    resealed: u64,
    unopenable: Unopenable,
}

/// A position among all rows: states first, then the history.
enum Cursor {
    States(Option<AutomationId>),
    History(Option<(AutomationId, RunId)>),
}

impl Rotation {
    /// Over a storage, with the secrets of a vault.
    pub fn new(storage: Arc<dyn Storage>, vault: Vault) -> Self {
        Self { storage, vault }
    }

    /// Seals everything with the current secret that is sealed with another, until a pass finds nothing more.
    pub async fn rotate(&self, mut progress: impl FnMut(Progress)) -> Result<Rotated, StorageError> {
        let mut resealed = 0;
        let mut passes = 0;
        loop {
            passes += 1;
            let pass = self.pass(passes, resealed, &mut progress).await?;
            resealed += pass.resealed;
            let is_complete = pass.stale == 0;
            if is_complete || passes == MAX_PASSES {
                return Ok(Rotated {
                    resealed,
                    passes,
                    is_complete,
                    unopenable: pass.unopenable,
                });
            }
        }
    }

    /// Counts what each secret still holds, and changes nothing.
    pub async fn census(&self, mut progress: impl FnMut(Progress)) -> Result<Census, StorageError> {
        let total = self.total().await?;
        let mut census = Census::default();
        let mut seen = 0;
        let mut cursor = Cursor::States(None);
        while let Some(rows) = self.page(&mut cursor).await? {
            seen += rows.len() as u64;
            for row in rows {
                match self.vault.for_automation(row.automation).open(&row.sealed) {
                    Ok(opened) => count(census.sealed.entry(opened.with).or_default(), &row.place),
                    Err(error) => census.unopenable.note(&row, error),
                }
            }
            progress(Progress {
                pass: 1,
                seen,
                total,
                resealed: 0,
            });
        }
        Ok(census)
    }

    async fn pass(
        &self,
        number: u32,
        resealed_before: u64,
        progress: &mut impl FnMut(Progress),
    ) -> Result<Pass, StorageError> {
        let total = self.total().await?;
        let mut pass = Pass::default();
        let mut seen = 0;
        let mut cursor = Cursor::States(None);
        while let Some(rows) = self.page(&mut cursor).await? {
            seen += rows.len() as u64;
            self.reseal(rows, &mut pass).await?;
            progress(Progress {
                pass: number,
                seen,
                total,
                resealed: resealed_before + pass.resealed,
            });
        }
        Ok(pass)
    }

    async fn total(&self) -> Result<u64, StorageError> {
        let counts = self.storage.archive().count().await?;
        Ok(counts.states + counts.history)
    }

    /// The next rows; none at the end.
    async fn page(&self, cursor: &mut Cursor) -> Result<Option<Vec<SealedRow>>, StorageError> {
        if let Cursor::States(after) = cursor {
            let listed = self.storage.list(*after, PAGE).await?;
            if let Some(last) = listed.last() {
                *after = Some(last.automation);
                let rows = listed.into_iter().map(|listed| SealedRow {
                    automation: listed.automation,
                    place: Place::State(listed.record.revision),
                    sealed: listed.record.sealed,
                });
                return Ok(Some(rows.collect()));
            }
            *cursor = Cursor::History(None);
        }
        let Cursor::History(after) = cursor else {
            return Ok(None);
        };
        let rows = self.storage.archive().kept_page(after.clone(), PAGE).await?;
        if let Some(SealedRow {
            automation,
            place: Place::History(run, _),
            ..
        }) = rows.last()
        {
            *after = Some((*automation, run.clone()));
        }
        Ok(Some(rows).filter(|rows| !rows.is_empty()))
    }

    /// Seals rows anew that need it. Those that have moved on meanwhile are for the next pass.
    async fn reseal(&self, rows: Vec<SealedRow>, pass: &mut Pass) -> Result<(), StorageError> {
        let mut resealed = Vec::new();
        for mut row in rows {
            match self.vault.for_automation(row.automation).reseal(&row.sealed) {
                Ok(Some(sealed)) => {
                    row.sealed = sealed;
                    resealed.push(row);
                }
                Ok(None) => {}
                Err(error) => pass.unopenable.note(&row, error),
            }
        }
        if resealed.is_empty() {
            return Ok(());
        }
        pass.stale += resealed.len() as u64;
        let begun = Instant::now();
        let swaps = self.storage.archive().reseal(resealed, begun + SAVE_TIME).await?;
        pass.resealed += swaps.iter().filter(|swap| **swap == Swap::Saved).count() as u64;
        // Running services write too: as much time as this has taken is theirs.
        tokio::time::sleep(begun.elapsed()).await;
        Ok(())
    }
}

impl Unopenable {
    fn note(&mut self, row: &SealedRow, error: VaultError) {
        count(&mut self.counts, &row.place);
        if self.first.len() < MAX_NAMED {
            let run = match &row.place {
                Place::State(_) => None,
                Place::History(run, _) => Some(run.clone()),
            };
            self.first.push(Broken {
                automation: row.automation,
                run,
                error,
            });
        }
    }
}

fn count(counts: &mut RowCounts, place: &Place) {
    match place {
        Place::State(_) => counts.states += 1,
        Place::History(..) => counts.history += 1,
    }
}
