//! Work that waits, and the lanes that take it.
//!
//! The first lane takes whatever waits, at once. While it is at work, jobs gather for its next turn: the fewer and larger
//! the groups, the less each job costs the server. Where it is told to, it also waits a little for a group as large as
//! its last. The other lanes step in when jobs have waited too long for that: when the server is far away, or busy with a
//! large group.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Mutex, Notify, Semaphore};
use tokio::task::JoinSet;

use super::super::StorageError;

/// Jobs that may wait.
const CAPACITY: usize = 4096;

/// The most jobs that a lane takes at once.
const MAX_GROUP: usize = 64;

/// A group of so many is begun at once: those that are about to come would cost the server less along with it, and leave it at
/// rest meanwhile.
const MIN_GROUP: usize = 4;

/// From so many jobs on, as many may be waited for.
const MIN_GATHERED: usize = 3;

/// How long jobs wait for the first lane before another one takes them.
const PATIENCE: Duration = Duration::from_millis(5);

/// A queue with several lanes at its end.
pub(super) struct Queue<J> {
    waiting: Arc<Waiting<J>>,
    lanes: Mutex<JoinSet<()>>,
}

/// A lane's end of the queue.
pub(super) struct Jobs<J> {
    waiting: Arc<Waiting<J>>,
    is_first: bool,
    last_group: usize,
}

struct Waiting<J> {
    jobs: std::sync::Mutex<VecDeque<(Instant, J)>>,
    room: Semaphore,
    first_is_busy: AtomicBool,
    /// How many jobs must wait for the first lane to be woken.
    wanted: AtomicUsize,
    is_closed: AtomicBool,
    for_first: Notify,
    for_others: Notify,
}

impl<J: Send + 'static> Queue<J> {
    /// A queue whose jobs are done by as many runs of `lane`, each until its jobs end.
    pub(super) fn start<F>(lanes: u32, lane: impl Fn(Jobs<J>) -> F) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let waiting = Arc::new(Waiting {
            jobs: std::sync::Mutex::default(),
            room: Semaphore::new(CAPACITY),
            first_is_busy: AtomicBool::new(false),
            wanted: AtomicUsize::new(1),
            is_closed: AtomicBool::new(false),
            for_first: Notify::new(),
            for_others: Notify::new(),
        });
        let lanes = (0..lanes).map(|number| {
            lane(Jobs {
                waiting: Arc::clone(&waiting),
                is_first: number == 0,
                last_group: 0,
            })
        });
        Self {
            lanes: Mutex::new(lanes.collect()),
            waiting,
        }
    }

    /// Puts a job at the end.
    pub(super) async fn push(&self, job: J) -> Result<(), StorageError> {
        let waiting = &self.waiting;
        let room = waiting.room.acquire().await.map_err(|_| StorageError::Closed)?;
        room.forget();
        let count = {
            let mut jobs = waiting.jobs();
            jobs.push_back((Instant::now(), job));
            jobs.len()
        };
        if waiting.first_is_busy.load(Ordering::SeqCst) {
            waiting.for_others.notify_one();
        } else if count >= waiting.wanted.load(Ordering::SeqCst) {
            waiting.for_first.notify_one();
        }
        Ok(())
    }

    /// Takes no more jobs, and waits until those that were taken are done.
    pub(super) async fn close(&self) {
        self.waiting.room.close();
        self.waiting.is_closed.store(true, Ordering::SeqCst);
        let mut lanes = self.lanes.lock().await;
        self.waiting.for_first.notify_one();
        for _ in 0..lanes.len() {
            self.waiting.for_others.notify_one();
            self.waiting.for_others.notify_waiters();
        }
        while let Some(ended) = lanes.join_next().await {
            self.waiting.for_others.notify_one();
            if let Err(error) = ended {
                tracing::error!(%error, "a connection's task crashed");
            }
        }
    }
}

impl<J> Jobs<J> {
    /// Whether [`next`](Self::next) ever pauses: only the first lane does.
    pub(super) fn may_wait(&self) -> bool {
        self.is_first
    }

    /// Waits for jobs and takes all that are there, up to a limit; none are left if it gives none. With a `pause`, the
    /// first lane may wait that long until as many are there as it took before.
    pub(super) async fn next(&mut self, pause: Option<Duration>) -> Vec<J> {
        if !self.is_first {
            return self.next_that_waited().await;
        }
        if let Some(pause) = pause.filter(|_| self.last_group >= MIN_GATHERED) {
            self.gather(pause).await;
        }
        let group = self.next_at_once().await;
        self.last_group = group.len();
        group
    }

    /// Waits until as many jobs are there as the last group had.
    async fn gather(&self, pause: Duration) {
        let waiting = &self.waiting;
        // Both are said before looking, so that whoever pushes after the look knows whom to wake.
        waiting.wanted.store(self.last_group, Ordering::SeqCst);
        waiting.first_is_busy.store(false, Ordering::SeqCst);
        let gathered = async {
            while waiting.jobs().len() < self.last_group && !waiting.is_closed.load(Ordering::SeqCst) {
                waiting.for_first.notified().await;
            }
        };
        let _ = tokio::time::timeout(pause, gathered).await;
        waiting.wanted.store(1, Ordering::SeqCst);
    }

    async fn next_at_once(&self) -> Vec<J> {
        let waiting = &self.waiting;
        loop {
            // Of few, whoever is ready to push goes first, and along. Enough of them are better begun while the server rests.
            if waiting.jobs().len() < MIN_GROUP {
                tokio::task::yield_now().await;
            }
            // Said before looking, so that whoever pushes after the look knows whom to wake.
            waiting.first_is_busy.store(false, Ordering::SeqCst);
            let group = waiting.take();
            if !group.is_empty() {
                waiting.first_is_busy.store(true, Ordering::SeqCst);
                // What it left, or what came before it said so, was announced to nobody else.
                if !waiting.jobs().is_empty() {
                    waiting.for_others.notify_one();
                }
                return group;
            }
            if waiting.is_closed.load(Ordering::SeqCst) {
                return group;
            }
            waiting.for_first.notified().await;
        }
    }

    async fn next_that_waited(&self) -> Vec<J> {
        let waiting = &self.waiting;
        loop {
            let oldest = waiting.jobs().front().map(|(since, _)| *since);
            match oldest.map(|since| since.elapsed()) {
                Some(waited) if waited >= PATIENCE => {
                    let group = waiting.take();
                    if !group.is_empty() {
                        return group;
                    }
                }
                Some(waited) => tokio::time::sleep(PATIENCE.saturating_sub(waited)).await,
                None if waiting.is_closed.load(Ordering::SeqCst) => return Vec::new(),
                None => waiting.for_others.notified().await,
            }
        }
    }
}

impl<J> Waiting<J> {
    fn take(&self) -> Vec<J> {
        let mut jobs = self.jobs();
        let count = jobs.len().min(MAX_GROUP);
        let group: Vec<J> = jobs.drain(..count).map(|(_, job)| job).collect();
        drop(jobs);
        if !self.room.is_closed() {
            self.room.add_permits(group.len());
        }
        group
    }

    fn jobs(&self) -> MutexGuard<'_, VecDeque<(Instant, J)>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What lanes have done.
    #[derive(Default)]
    struct Counts {
        /// Groups that were taken.
        taken: AtomicUsize,
        /// Groups, and the jobs in them, that were done.
        groups: AtomicUsize,
        jobs: AtomicUsize,
    }

    impl Counts {
        fn done(&self) -> (usize, usize) {
            (self.jobs.load(Ordering::SeqCst), self.groups.load(Ordering::SeqCst))
        }

        /// Waits until so many groups were taken in all.
        async fn until_taken(&self, groups: usize) {
            let waiting = async {
                while self.taken.load(Ordering::SeqCst) < groups {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            };
            let waited = tokio::time::timeout(Duration::from_secs(20), waiting).await;
            assert!(waited.is_ok(), "nobody took a group");
        }
    }

    /// Lanes that count what they did, and do nothing before a gate opens: once for each group.
    fn counting(lanes: u32, pause: Option<Duration>, gate: &Arc<Semaphore>) -> (Queue<u32>, Arc<Counts>) {
        let counts = Arc::new(Counts::default());
        let queue = Queue::start(lanes, |mut jobs: Jobs<u32>| {
            let (counts, gate) = (Arc::clone(&counts), Arc::clone(gate));
            async move {
                loop {
                    let group = jobs.next(pause).await;
                    if group.is_empty() {
                        break;
                    }
                    counts.taken.fetch_add(1, Ordering::SeqCst);
                    gate.acquire().await.unwrap().forget();
                    counts.jobs.fetch_add(group.len(), Ordering::SeqCst);
                    counts.groups.fetch_add(1, Ordering::SeqCst);
                }
            }
        });
        (queue, counts)
    }

    async fn push(queue: &Queue<u32>, count: u32) {
        for job in 0..count {
            queue.push(job).await.unwrap();
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn everything_that_was_pushed_is_done_before_closing_ends() {
        for lanes in [1, 2, 5] {
            let (queue, counts) = counting(lanes, None, &Arc::new(Semaphore::new(10_000)));
            push(&queue, 500).await;
            queue.close().await;
            assert_eq!(counts.done().0, 500);
            assert!(queue.push(0).await.is_err());
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn jobs_gather_behind_one_that_takes_long_and_others_step_in() {
        let gate = Arc::new(Semaphore::new(0));
        let (queue, counts) = counting(2, None, &gate);
        push(&queue, 1).await;
        counts.until_taken(1).await;
        push(&queue, 10).await;
        // One lane holds the first job; the other one takes the rest, and both wait at the gate.
        counts.until_taken(2).await;
        gate.add_permits(100);
        queue.close().await;
        let (jobs, groups) = counts.done();
        assert_eq!(jobs, 11);
        assert!(groups <= 4, "jobs did not go together");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_group_may_wait_for_as_many_as_the_last_one_had() {
        let gate = Arc::new(Semaphore::new(0));
        let (queue, counts) = counting(1, Some(Duration::from_mins(1)), &gate);
        push(&queue, 1).await;
        counts.until_taken(1).await;
        push(&queue, 8).await;
        gate.add_permits(1);
        counts.until_taken(2).await;
        gate.add_permits(100);
        push(&queue, 7).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!(counts.done(), (9, 2));
        push(&queue, 1).await;
        counts.until_taken(3).await;
        push(&queue, 3).await;
        let closing = tokio::time::timeout(Duration::from_secs(20), queue.close());
        assert!(
            closing.await.is_ok(),
            "what was waited for did not come, and nobody stopped waiting"
        );
        assert_eq!(counts.done(), (20, 4));
    }
}
