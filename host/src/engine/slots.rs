//! A counting semaphore before the instance pool, which fails when it is exhausted.
//!
//! Sessions are short and never wait for anything while they hold a slot, so blocking the thread is right:
//! the slot that it waits for is held by another thread that is busy computing.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// The slots that are free.
pub(super) struct Slots {
    state: Mutex<State>,
    freed: Condvar,
}

struct State {
    free: u32,
    waiting: u32,
}

/// A slot of the pool, given back when dropped.
pub(super) struct Slot {
    slots: Arc<Slots>,
}

impl Slots {
    pub(super) fn new(count: u32) -> Self {
        Self {
            state: Mutex::new(State {
                free: count,
                waiting: 0,
            }),
            freed: Condvar::new(),
        }
    }

    /// Waits for a free slot and takes it.
    pub(super) fn take(self: &Arc<Self>) -> Slot {
        let mut state = self.state();
        while state.free == 0 {
            state.waiting += 1;
            state = self.freed.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.waiting -= 1;
        }
        state.free -= 1;
        drop(state);
        Slot {
            slots: Arc::clone(self),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut state = self.slots.state();
        state.free += 1;
        // Waking is a system call, whether anybody waits or not.
        if state.waiting > 0 {
            self.slots.freed.notify_one();
        }
    }
}
