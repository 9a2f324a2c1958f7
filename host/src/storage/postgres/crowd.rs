//! Whether others keep the server busy, as a lane sees it.
//!
//! Alone, a lane takes what waits at once: the server would rest meanwhile. Beside others it does not rest, and every
//! message that is not sent leaves more of it to them; so there a lane lets its next group become as large as the last.

use std::time::{Duration, Instant};

use sqlx::Row;

use super::lane::Lane;

/// Groups between two looks.
const GROUPS: u32 = 64;

/// What the latest look counts, beside 1 for all before it together.
const WEIGHT: f64 = 0.25;

/// The number of sessions from which the server hardly rests.
const CROWDED: f64 = 0.5;

/// How long a group may be waited for.
const PAUSE: Duration = Duration::from_millis(1);

/// How long a look may take.
const PATIENCE: Duration = Duration::from_secs(1);

/// Sessions at work, but for this one. A walsender is always at work, and whoever waits for a lock never is.
const ACTIVE: &str = "
    SELECT count(*) FROM pg_stat_get_activity(NULL) AS session
    WHERE session.state = 'active' AND session.backend_type = 'client backend'
        AND session.pid <> pg_backend_pid() AND session.wait_event_type IS DISTINCT FROM 'Lock'";

/// What one lane knows of the others at the server.
#[derive(Default)]
pub(super) struct Crowd {
    groups: u32,
    others: f64,
}

impl Crowd {
    /// How long to wait for a group; none to take what is there.
    pub(super) fn pause(&self) -> Option<Duration> {
        (self.others >= CROWDED).then_some(PAUSE)
    }

    /// Looks again if it is time to. To be called after each group of a lane that may wait.
    pub(super) async fn look(&mut self, lane: &mut Lane) {
        self.groups += 1;
        if self.groups < GROUPS {
            return;
        }
        self.groups = 0;
        let before = lane.connector().connections().busy;
        let rows = lane.ask(ACTIVE.to_string(), Instant::now() + PATIENCE).await;
        // Sessions of other users cannot be seen by all; then they are none.
        let active = rows.ok().and_then(|rows| rows.first()?.try_get::<i64, _>(0).ok());
        let ours = before.max(lane.connector().connections().busy);
        self.saw(active.unwrap_or(0) - i64::from(ours));
    }

    /// What a look counts may be less than nobody, where ours had come or gone meanwhile. The mean is not.
    fn saw(&mut self, others: i64) {
        let others = f64::from(i16::try_from(others).unwrap_or(0));
        self.others = (self.others + (others - self.others) * WEIGHT).max(0.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(looks: &[i64]) -> Option<Duration> {
        let mut crowd = Crowd::default();
        for others in looks {
            crowd.saw(*others);
        }
        crowd.pause()
    }

    #[test]
    fn one_look_makes_no_crowd() {
        assert_eq!(after(&[]), None);
        assert_eq!(after(&[1]), None);
        assert_eq!(after(&[0, 0, 0, 1, 0, 0, 1]), None);
        assert_eq!(after(&[1, 1, -1, 1, 1, -1, 1, -1]), None);
    }

    #[test]
    fn who_is_there_most_times_is_a_crowd_until_it_has_gone() {
        assert_eq!(after(&[1, 0, 1, 1, 1]), Some(PAUSE));
        assert_eq!(after(&[2, 2, 2, 2, 0, 0, 0, 0, 0]), None);
    }

    #[test]
    fn less_than_nobody_is_nobody() {
        assert_eq!(after(&[-3, -3, -3, 1]), None);
        assert_eq!(after(&[i64::MAX]), None);
    }
}
