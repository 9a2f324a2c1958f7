//! The time that sessions happen at.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::vault::TimestampMs;

/// The system's clock, except that it never goes back: what a session found expired stays so for the next one. After the
/// system's clock was set back, it goes on from the latest time, so that what is to live for a while still ends.
#[derive(Debug)]
pub(super) struct Clock {
    /// Where a clock begins that nobody sets.
    begun: Instant,
    /// What to add to that clock, at least.
    offset: AtomicU64,
    /// The time that it always is.
    fixed: Option<TimestampMs>,
}

impl Default for Clock {
    fn default() -> Self {
        Self {
            begun: Instant::now(),
            offset: AtomicU64::new(0),
            fixed: None,
        }
    }
}

impl Clock {
    /// One that stands at a time, or the system's.
    pub(super) fn new(fixed: Option<TimestampMs>) -> Self {
        Self {
            fixed,
            ..Self::default()
        }
    }

    /// The time now.
    pub(super) fn now(&self) -> TimestampMs {
        if let Some(fixed) = self.fixed {
            return fixed;
        }
        let steady = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.at(steady, system_ms())
    }

    fn at(&self, steady: u64, system: TimestampMs) -> TimestampMs {
        let offset = system.saturating_sub(steady);
        let offset = self.offset.fetch_max(offset, Ordering::Relaxed).max(offset);
        steady.saturating_add(offset)
    }
}

fn system_ms() -> TimestampMs {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_goes_on_from_the_latest_when_the_clock_is_set_back() {
        let clock = Clock::default();
        assert_eq!(clock.at(0, 1000), 1000);
        assert_eq!(clock.at(10, 1010), 1010);
        assert_eq!(clock.at(20, 5000), 5000);
        assert_eq!(clock.at(30, 1030), 5010);
        assert_eq!(clock.at(9000, 10_000), 13_980);
        assert_eq!(clock.at(9000, 20_000), 20_000);
    }

    #[test]
    fn time_is_the_systems() {
        let (before, now, after) = (system_ms(), Clock::default().now(), system_ms());
        assert!((before..=after + 1).contains(&now), "{before} {now} {after}");
    }
}
