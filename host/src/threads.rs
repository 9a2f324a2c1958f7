//! Numbers for threads, for what each of them keeps for itself, and how many of them are at work.

use std::cell::OnceCell;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many threads can run at a time.
pub(crate) fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// The number of this thread: 0 for the first that asks, 1 for the next, and so on.
pub(crate) fn number_of_this() -> usize {
    static THREADS: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static NUMBER: OnceCell<usize> = const { OnceCell::new() };
    }
    NUMBER.with(|number| *number.get_or_init(|| THREADS.fetch_add(1, Ordering::Relaxed)))
}
