//! What the last write of an automation left, for the next one to start from without a load.
//!
//! Whether that is still what is stored, the save finds out. So it is worth a try only where nobody else writes: that several
//! writes in a row have found just what the one before them left says so.

use std::num::NonZeroUsize;
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

/// The most automations of which it is remembered that others write them too.
const MAX_SHARED: NonZeroUsize = NonZeroUsize::new(1 << 16).unwrap();

/// How long an automation is taken to be written by others too after they were last met.
const SHARED: Duration = Duration::from_mins(1);

/// What the last writes left, by automation.
pub(super) struct Bases {
    /// None where a load costs next to nothing.
    kept: Option<Mutex<Kept>>,
    /// Automations that others write too, and when that was last seen.
    shared: Mutex<LruCache<AutomationId, Instant>>,
}

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
    /// Whether it was seen that others write this automation too.
    has_met_others: bool,
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
        Self {
            kept: costly.then(|| Mutex::new(kept)),
            shared: Mutex::new(LruCache::new(MAX_SHARED)),
        }
    }

    /// For a runner that begins.
    pub(super) fn take(&self, automation: AutomationId) -> Base {
        let mut base = self
            .lock()
            .and_then(|mut kept| kept.take(automation))
            .unwrap_or_default();
        if base.saved_at.is_none_or(|at| at.elapsed() > LIFETIME) {
            base.record = None;
        }
        base
    }

    /// Whether others write this automation too, as far as was seen here lately.
    pub(super) fn is_shared(&self, automation: AutomationId) -> bool {
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        shared
            .get(&automation)
            .is_some_and(|seen_at| seen_at.elapsed() < SHARED)
    }

    /// Notes whether a runner has met others that write its automation.
    pub(super) fn note_others(&self, automation: AutomationId, base: &mut Base) {
        if std::mem::take(&mut base.has_met_others) {
            let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
            shared.put(automation, Instant::now());
        }
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
        let kept = self.kept.as_ref()?;
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
    /// What to start from, if anything: the next needs another save.
    pub(super) fn start(&mut self) -> Option<Record> {
        self.record.take()
    }

    /// This is what a load has found.
    pub(super) fn loaded(&mut self, stored: &Stored) {
        let is_ours = matches!(stored, Stored::Present(record) if Some(record.revision) == self.revision);
        if self.revision.is_some() && !is_ours {
            self.has_met_others = true;
        }
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
        *self = Self {
            has_met_others: true,
            ..Self::default()
        };
    }

    fn bytes(&self) -> usize {
        ENTRY_BYTES + self.record.as_ref().map_or(0, |record| record.sealed.len())
    }
}
