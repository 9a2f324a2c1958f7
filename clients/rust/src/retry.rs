//! When to ask again.

use std::time::Duration;

/// How patient a client is.
#[derive(Debug, Clone, Copy)]
pub struct Retry {
    /// The longest that one try may take.
    pub try_timeout: Duration,
    /// No new try begins later than this after the call began.
    pub total: Duration,
    /// The longest first pause. Each further one may be twice as long as the one before; how long it really is is random, so
    /// that those who were refused together do not come back together.
    pub first_pause: Duration,
    /// The longest pause.
    pub max_pause: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            try_timeout: Duration::from_secs(15),
            total: Duration::from_secs(30),
            first_pause: Duration::from_millis(50),
            max_pause: Duration::from_secs(2),
        }
    }
}

impl Retry {
    /// Every call is tried once.
    pub fn never() -> Self {
        Self {
            total: Duration::ZERO,
            ..Self::default()
        }
    }

    /// The pause while it is not known whether a write has happened, after so many pauses like it: short, so that others do
    /// not push it out of what the service remembers. None if there were enough of them; who is down should not be hammered.
    pub(crate) fn urgent_pause(pauses: u32) -> Option<Duration> {
        const FIRST: Duration = Duration::from_millis(1);
        // Sixteen busy clients push a write out of what the service remembers within a tenth of a second.
        const LONGEST: Duration = Duration::from_millis(20);
        const MOST: u32 = 6;
        match pauses {
            // Most often a kept connection that the other side had closed.
            0 => Some(Duration::ZERO),
            1..MOST => Some(
                (FIRST * 2_u32.pow(pauses))
                    .min(LONGEST)
                    .mul_f64(f64::midpoint(fastrand::f64(), 1.0)),
            ),
            _ => None,
        }
    }

    /// The pause after so many tries: random, and at least what the service asked for.
    pub(crate) fn pause(&self, tries: u32, asked: Option<Duration>) -> Duration {
        let longest = self.first_pause.saturating_mul(1 << tries.saturating_sub(1).min(16));
        // Those who were told the same time are spread over the time after it.
        let asked = asked.unwrap_or_default();
        asked + longest.max(asked / 2).min(self.max_pause).mul_f64(fastrand::f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urgent_pauses_are_short_and_few() {
        let pauses: Vec<Duration> = (0..).map_while(Retry::urgent_pause).collect();
        assert_eq!((pauses.len(), pauses[0]), (6, Duration::ZERO));
        assert!(pauses.iter().all(|pause| *pause <= Duration::from_millis(20)));
    }

    #[test]
    fn pauses_grow_to_their_limit_and_are_at_least_what_was_asked_for() {
        let retry = Retry::default();
        for tries in 1..100 {
            assert!(retry.pause(tries, None) <= retry.max_pause);
            assert!(retry.pause(tries, Some(Duration::from_secs(1))) >= Duration::from_secs(1));
        }
        let longest = (0..100).map(|_| retry.pause(1, None)).max();
        assert!(longest <= Some(retry.first_pause));
    }
}
