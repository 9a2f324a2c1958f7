//! Whether rows may be locked for long, as a host's saves have found lately.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// For how long saves leave locked rows alone after one met a locked row: whoever holds one for longer than a save takes
/// holds it for a while, and all others in a group would wait for that time and again.
const SHORTEST: Duration = Duration::from_millis(100);

/// For how long at most, where rows are still locked each time that one looks again.
const LONGEST: Duration = Duration::from_millis(1600);

/// What all lanes that save know of locked rows: what one meets, the others need not.
pub(super) struct Wariness(Mutex<State>);

struct State {
    until: Instant,
    lasted: Duration,
}

impl Wariness {
    /// No row is known to be locked.
    pub(super) fn none() -> Self {
        Self(Mutex::new(State {
            until: Instant::now(),
            lasted: Duration::ZERO,
        }))
    }

    /// Whether to leave locked rows alone.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        now < self.state().until
    }

    /// A row was locked for longer than a save takes. If that was so when this was due last, it lasts twice as long.
    pub(super) fn met_a_lock(&self, now: Instant) {
        let mut state = self.state();
        if now < state.until {
            return;
        }
        let is_again = now.duration_since(state.until) < state.lasted;
        let next = if is_again { state.lasted * 2 } else { SHORTEST };
        state.lasted = next.clamp(SHORTEST, LONGEST);
        state.until = now + state.lasted;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// When each of these times met a locked row, and for how long saves are wary behind the last.
    fn lasts(met: &[u64]) -> Duration {
        let begun = Instant::now() + Duration::from_mins(1);
        let wariness = Wariness::none();
        for at in met {
            wariness.met_a_lock(begun + Duration::from_millis(*at));
        }
        let last = begun + Duration::from_millis(met.last().copied().unwrap_or_default());
        let ms = (0..10_000).find(|ms| !wariness.is_due(last + Duration::from_millis(*ms)));
        Duration::from_millis(ms.unwrap_or(u64::MAX))
    }

    #[test]
    fn nobody_is_wary_before_a_row_was_locked() {
        assert!(!Wariness::none().is_due(Instant::now()));
    }

    #[test]
    fn a_row_that_stays_locked_is_met_less_and_less_often() {
        assert_eq!(lasts(&[0]), SHORTEST);
        assert_eq!(lasts(&[0, 101]), SHORTEST * 2);
        assert_eq!(lasts(&[0, 101, 302]), SHORTEST * 4);
        assert_eq!(lasts(&[0, 101, 302, 703, 1504, 3105]), LONGEST);
        assert_eq!(lasts(&[0, 101, 302, 703, 1504, 3105, 4706]), LONGEST);
    }

    #[test]
    fn a_row_that_is_locked_much_later_begins_anew() {
        assert_eq!(lasts(&[0, 101, 302, 1200]), SHORTEST);
    }

    #[test]
    fn lanes_that_meet_a_row_at_the_same_time_count_once() {
        assert_eq!(lasts(&[0, 0, 0, 0]), SHORTEST);
    }
}
