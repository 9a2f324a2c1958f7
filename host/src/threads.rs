//! Numbers for threads, for what each of them keeps for itself.

use std::cell::OnceCell;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The number of this thread: 0 for the first that asks, 1 for the next, and so on.
pub(crate) fn number_of_this() -> usize {
    static THREADS: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static NUMBER: OnceCell<usize> = const { OnceCell::new() };
    }
    NUMBER.with(|number| *number.get_or_init(|| THREADS.fetch_add(1, Ordering::Relaxed)))
}
