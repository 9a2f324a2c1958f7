//! What the last write of an automation left, for the next one to start from without a load.
//!
//! Whether that is still what is stored, the save finds out. So it is worth a try only where nobody else writes: that several
//! writes in a row have found just what the one before them left says so, or that the others hand their writes on to this
//! service.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use lru::LruCache;

use super::ahead::Ahead;
use super::execution::Execution;
use super::mailbox::Job;
use crate::automation::AutomationId;
use crate::storage::{Record, Revision, Stored};

/// The most that all of it may take, in bytes.
const MAX_BYTES: usize = 32 << 20;

/// What an automation takes beside its sealed state, about.
const ENTRY_BYTES: usize = 200;

/// So many loads in a row must have found what the last write left.
const ENOUGH: u32 = 3;

/// How long a state is good to start from. A standby that takes over without the latest writes may give their revisions out
/// again; it takes longer than this to do so.
const LIFETIME: Duration = Duration::from_secs(1);

/// What the last writes left, by automation. None where a load costs next to nothing.
pub(super) struct Bases(Option<Mutex<Kept>>);

struct Kept {
    by_automation: LruCache<AutomationId, Base>,
    bytes: usize,
}

/// What a runner knows of its automation before it loads anything.
#[derive(Default)]
pub(super) struct Base {
    /// What was saved last, to start from.
    record: Option<Record>,
    /// The revision that was saved last.
    revision: Option<Revision>,
    /// Loads in a row that found it.
    found: u32,
    saved_at: Option<Instant>,
    /// What was carried out on it already, for jobs that wait.
    ahead: Option<Ahead>,
}

impl Bases {
    /// Keeps nothing unless loads are `costly`.
    pub(super) fn new(costly: bool) -> Self {
        let kept = Kept {
            by_automation: LruCache::unbounded(),
            bytes: 0,
        };
        Self(costly.then(|| Mutex::new(kept)))
    }

    /// For a runner that begins, if anything was left.
    pub(super) fn take(&self, automation: AutomationId) -> Option<Base> {
        let mut base = self.lock()?.take(automation)?;
        if base.saved_at.is_none_or(|at| at.elapsed() > LIFETIME) {
            base.record = None;
        }
        Some(base)
    }

    /// From a runner that ends.
    pub(super) fn put(&self, automation: AutomationId, mut base: Base) {
        base.ahead = None;
        if base.found < ENOUGH || base.bytes() > MAX_BYTES {
            base.record = None;
        }
        if base.revision.is_some()
            && let Some(mut kept) = self.lock()
        {
            kept.put(automation, base);
        }
    }

    fn lock(&self) -> Option<MutexGuard<'_, Kept>> {
        let kept = self.0.as_ref()?;
        Some(kept.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Kept {
    fn take(&mut self, automation: AutomationId) -> Option<Base> {
        let base = self.by_automation.pop(&automation)?;
        self.bytes -= base.bytes();
        Some(base)
    }

    fn put(&mut self, automation: AutomationId, base: Base) {
        self.bytes += base.bytes();
        if let Some(before) = self.by_automation.put(automation, base) {
            self.bytes -= before.bytes();
        }
        while self.bytes > MAX_BYTES
            && let Some((_, oldest)) = self.by_automation.pop_lru()
        {
            self.bytes -= oldest.bytes();
        }
    }
}

impl Base {
    /// Of an automation of which nothing was left. Where nobody else is expected to write it, that need not be found out.
    pub(super) fn new(expects_others: bool) -> Self {
        Self {
            found: if expects_others { 0 } else { ENOUGH },
            ..Self::default()
        }
    }

    /// What to start from, if anything: the next needs another save.
    pub(super) fn start(&mut self) -> Option<Record> {
        self.record.take()
    }

    /// This is what a load has found.
    pub(super) fn loaded(&mut self, stored: &Stored) {
        let Some(revision) = self.revision else { return };
        let is_ours = matches!(stored, Stored::Present(record) if record.revision == revision);
        self.found = if is_ours { self.found.saturating_add(1) } else { 0 };
    }

    /// This was saved, and that was carried out on it meanwhile.
    pub(super) fn saved(&mut self, record: Record, ahead: Option<Ahead>) {
        self.revision = Some(record.revision);
        self.saved_at = Some(Instant::now());
        self.record = Some(record);
        self.ahead = ahead;
    }

    /// How many jobs to take of those that wait: those that were carried out already, unless many more have come since. They
    /// are better off in one group then.
    pub(super) fn jobs_to_take(&self, waiting: usize, most: usize) -> usize {
        let ahead = self.ahead.as_ref().map(Ahead::count);
        ahead.filter(|ahead| ahead * 2 >= waiting).unwrap_or(most)
    }

    /// What was carried out for these jobs on what [`start`](Self::start) gives.
    pub(super) fn ahead_of(&mut self, jobs: &[Job]) -> Option<Execution> {
        self.ahead.take()?.of(jobs)
    }

    /// Somebody else has written, or has the row locked.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    fn bytes(&self) -> usize {
        ENTRY_BYTES + self.record.as_ref().map_or(0, |record| record.sealed.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(revision: Revision) -> Record {
        Record {
            revision,
            sealed: vec![1; 100],
        }
    }

    /// Writes an automation so many times, as its runners do, and tells before which of them it was loaded.
    fn loads(bases: &Bases, automation: AutomationId, expects_others: bool, revisions: &[Revision]) -> Vec<bool> {
        let write = |&revision: &Revision| {
            let mut base = bases.take(automation).unwrap_or_else(|| Base::new(expects_others));
            let is_loaded = base.start().is_none();
            if is_loaded {
                base.loaded(&Stored::Present(record(revision)));
            }
            base.saved(record(revision + 1), None);
            bases.put(automation, base);
            is_loaded
        };
        revisions.iter().map(write).collect()
    }

    #[test]
    fn a_load_is_left_out_once_enough_of_them_have_found_what_was_saved() {
        let (bases, automation) = (Bases::new(true), AutomationId::random());
        let loads = loads(&bases, automation, true, &[1, 2, 3, 4, 5, 6]);
        assert_eq!(loads, [true, true, true, true, false, false]);
    }

    #[test]
    fn where_nobody_else_is_expected_only_the_first_write_loads() {
        let (bases, automation) = (Bases::new(true), AutomationId::random());
        assert_eq!(loads(&bases, automation, false, &[1, 2, 3]), [true, false, false]);
    }

    #[test]
    fn whoever_meets_others_loads_again() {
        let (bases, automation) = (Bases::new(true), AutomationId::random());
        loads(&bases, automation, false, &[1, 2]);
        let mut base = bases.take(automation).unwrap();
        assert!(base.start().is_some());
        base.forget();
        base.loaded(&Stored::Present(record(7)));
        base.saved(record(8), None);
        bases.put(automation, base);
        let loads = loads(&bases, automation, false, &[8, 9, 10, 11]);
        assert_eq!(loads, [true, true, true, false]);
    }

    #[test]
    fn nothing_is_kept_where_a_load_costs_nothing() {
        let (bases, automation) = (Bases::new(false), AutomationId::random());
        assert_eq!(loads(&bases, automation, false, &[1, 2, 3]), [true, true, true]);
    }
}
