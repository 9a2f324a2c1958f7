//! Large states that were opened or sealed lately, opened: the next change needs neither to open nor to seal them again.
//!
//! What is kept is found by all the bytes that it is sealed as, so it is never another state than the one that is asked for,
//! whoever writes the database. It is bounded, and overwritten when it goes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use lru::LruCache;
use zeroize::Zeroizing;

use crate::automation::AutomationId;

/// The most that all of it may take, in bytes.
const MAX_BYTES: usize = 16 << 20;

/// The smallest state that is worth it, in bytes. A little above, PostgreSQL stores a whole state apart from its row, each time
/// anew, which takes longer than everything else about it.
pub(super) const MIN_BYTES: usize = 1280;

/// A whole state, sealed and opened.
pub(super) struct Base {
    pub(super) sealed: Vec<u8>,
    pub(super) plain: Zeroizing<Vec<u8>>,
}

/// The latest of each automation.
pub(super) struct Bases {
    kept: Mutex<Kept>,
}

struct Kept {
    by_automation: LruCache<AutomationId, Used>,
    bytes: usize,
}

struct Used {
    base: Arc<Base>,
    at: Instant,
}

impl Bases {
    pub(super) fn new() -> Self {
        let kept = Kept {
            by_automation: LruCache::unbounded(),
            bytes: 0,
        };
        Self { kept: Mutex::new(kept) }
    }

    /// The state that is sealed as these bytes, if it is kept.
    pub(super) fn find(&self, automation: AutomationId, sealed: &[u8]) -> Option<Arc<Base>> {
        let found = self
            .lock()
            .by_automation
            .peek(&automation)
            .map(|used| Arc::clone(&used.base));
        let base = found.filter(|base| base.sealed == sealed)?;
        if let Some(used) = self.lock().by_automation.get_mut(&automation) {
            used.at = Instant::now();
        }
        Some(base)
    }

    /// Keeps a state in the place of the one that was kept for the automation.
    pub(super) fn keep(&self, automation: AutomationId, base: Base) -> Arc<Base> {
        let base = Arc::new(base);
        if base.bytes() <= MAX_BYTES / 4 {
            self.lock().keep(automation, Arc::clone(&base));
        } else {
            self.forget(automation);
        }
        base
    }

    /// Lets go of what is kept for an automation.
    pub(super) fn forget(&self, automation: AutomationId) {
        let mut kept = self.lock();
        let gone = kept.by_automation.pop(&automation);
        kept.bytes -= gone.map_or(0, |gone| gone.base.bytes());
    }

    /// Lets go of what nobody has asked for in this time.
    pub(super) fn forget_unused(&self, time: Duration) {
        let mut kept = self.lock();
        while kept
            .by_automation
            .peek_lru()
            .is_some_and(|(_, used)| used.at.elapsed() > time)
        {
            kept.drop_oldest();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn keep(&mut self, automation: AutomationId, base: Arc<Base>) {
        self.bytes += base.bytes();
        let at = Instant::now();
        if let Some(before) = self.by_automation.put(automation, Used { base, at }) {
            self.bytes -= before.base.bytes();
        }
        while self.bytes > MAX_BYTES && self.drop_oldest() {}
    }

    /// Whether there was any.
    fn drop_oldest(&mut self) -> bool {
        let oldest = self.by_automation.pop_lru();
        self.bytes -= oldest.as_ref().map_or(0, |(_, oldest)| oldest.base.bytes());
        oldest.is_some()
    }
}

impl Base {
    fn bytes(&self) -> usize {
        self.sealed.len() + self.plain.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base(text: &str, bytes: usize) -> Base {
        Base {
            sealed: text.as_bytes().to_vec(),
            plain: vec![0; bytes].into(),
        }
    }

    #[test]
    fn only_what_is_sealed_as_the_same_bytes_is_found() {
        let (bases, id) = (Bases::new(), AutomationId::random());
        bases.keep(id, base("one", 1));
        assert!(bases.find(id, b"one").is_some());
        assert!(bases.find(id, b"onE").is_none());
        assert!(bases.find(AutomationId::random(), b"one").is_none());
        bases.keep(id, base("two", 1));
        assert!(bases.find(id, b"one").is_none());
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let bases = Bases::new();
        for _ in 0..40 {
            bases.keep(AutomationId::random(), base("one", 1 << 20));
        }
        let kept = bases.lock();
        assert!(kept.bytes <= MAX_BYTES);
        let bytes = kept.by_automation.iter().map(|(_, used)| used.base.bytes());
        assert_eq!(kept.bytes, bytes.sum::<usize>());
        drop(kept);
        let id = AutomationId::random();
        bases.keep(id, base("small", 1));
        bases.keep(id, base("huge", MAX_BYTES));
        assert!(bases.find(id, b"huge").is_none() && bases.find(id, b"small").is_none());
    }

    #[test]
    fn what_is_not_used_is_let_go_of() {
        let (bases, used, unused) = (Bases::new(), AutomationId::random(), AutomationId::random());
        for id in [used, unused] {
            bases.keep(id, base("one", 1));
        }
        std::thread::sleep(Duration::from_millis(60));
        assert!(bases.find(used, b"one").is_some());
        assert!(
            bases.find(unused, b"another").is_none(),
            "asking for another is not using it"
        );
        bases.forget_unused(Duration::from_millis(50));
        assert!(bases.find(unused, b"one").is_none());
        bases.forget_unused(Duration::ZERO);
        assert_eq!(bases.lock().bytes, 0);
    }
}
