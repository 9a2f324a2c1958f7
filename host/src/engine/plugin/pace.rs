//! How much of the processors long calls take where others want them too.
//!
//! A thread of the lowest class gives way at once, but a scheduler that moves work to a processor with nothing to do passes by
//! one that has such a thread to run: requests then queue behind each other on the other processors. So long calls rest in
//! between, and only where they are disturbed at all; a machine with time to spare carries them out without a break.

use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use super::priority;

/// How many times as long as they have run long calls rest, all of them together.
const REST: u32 = 4;

/// How many times as long as it may run a call rests at most: who may run for long is not to fail for resting.
const MOST_REST: u32 = 3;

/// A call was disturbed that has waited for longer than this part of the time that it ran.
const DISTURBED: u32 = 10;

/// How often a call is looked at.
const TICK: Duration = Duration::from_millis(10);

/// How often while there are long calls: the shorter they run between two rests, the less is waited for them.
const SHORT_TICK: Duration = Duration::from_millis(1);

/// Long calls that are running or resting, in all services of this process.
static LONG_CALLS: AtomicU32 = AtomicU32::new(0);

/// A call on a thread for plugins that has run for long.
pub(super) struct LongCall {
    since: Instant,
    had_run: Duration,
    may_rest: Duration,
    rested: Duration,
}

impl LongCall {
    /// Lowers the thread; none if it is not one for plugins. `deadline` is how long the call may run.
    pub(super) fn begin(deadline: Duration) -> Option<Self> {
        priority::lower();
        priority::is_lowered().then(|| {
            LONG_CALLS.fetch_add(1, Ordering::Relaxed);
            Self {
                since: Instant::now(),
                had_run: processor_time(),
                may_rest: deadline * MOST_REST,
                rested: Duration::ZERO,
            }
        })
    }

    /// Rests, if others have kept the call from running since its latest rest.
    pub(super) fn rest(&mut self) {
        let ran = processor_time().saturating_sub(self.had_run);
        let waited = self.since.elapsed().saturating_sub(ran);
        if waited * DISTURBED > ran {
            let rest = ran * REST * LONG_CALLS.load(Ordering::Relaxed);
            let begun = Instant::now();
            thread::sleep(rest.min(self.may_rest.saturating_sub(self.rested)));
            self.rested += begun.elapsed();
        }
        (self.since, self.had_run) = (Instant::now(), processor_time());
    }

    /// How long it has rested.
    pub(super) fn rested(&self) -> Duration {
        self.rested
    }
}

impl Drop for LongCall {
    fn drop(&mut self) {
        LONG_CALLS.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The time between two looks at the calls.
pub(super) fn tick() -> Duration {
    if LONG_CALLS.load(Ordering::Relaxed) > 0 {
        SHORT_TICK
    } else {
        TICK
    }
}

/// How long after its beginning work is over that took this much processor time, with its rests.
pub fn with_rests(processor_time: Duration) -> Duration {
    processor_time * (1 + REST)
}

/// How long this thread has run.
pub fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}
