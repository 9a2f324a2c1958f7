//! The time that sessions happen at.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::vault::TimestampMs;

/// The system's clock, except that it never goes back: what a session found expired stays so for the next one.
#[derive(Debug, Default)]
pub(super) struct Clock {
    highest: AtomicU64,
}

impl Clock {
    /// The time now, or the latest that was given before.
    pub(super) fn now(&self) -> TimestampMs {
        self.at_least(system_ms())
    }

    fn at_least(&self, time: TimestampMs) -> TimestampMs {
        self.highest.fetch_max(time, Ordering::Relaxed).max(time)
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
    fn time_never_goes_back() {
        let clock = Clock::default();
        assert_eq!(clock.at_least(5), 5);
        assert_eq!(clock.at_least(3), 5);
        assert_eq!(clock.at_least(8), 8);
        let now = clock.now();
        assert!(clock.now() >= now && now > 8);
    }
}
