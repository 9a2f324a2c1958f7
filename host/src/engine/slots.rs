//! A counting semaphore before the instance pool, which fails when it is exhausted.
//!
//! Sessions are short and never wait for anything while they hold a slot, so blocking the thread is right:
//! the slot that it waits for is held by another thread that is busy computing.

use std::sync::{Arc, Condvar, Mutex, PoisonError};

/// The slots that are free.
pub(super) struct Slots {
    free: Mutex<u32>,
    freed: Condvar,
}

/// A slot of the pool, given back when dropped.
pub(super) struct Slot {
    slots: Arc<Slots>,
}

impl Slots {
    pub(super) fn new(count: u32) -> Self {
        Self {
            free: Mutex::new(count),
            freed: Condvar::new(),
        }
    }

    /// Waits for a free slot and takes it.
    pub(super) fn take(self: &Arc<Self>) -> Slot {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let mut free = self
            .freed
            .wait_while(free, |free| *free == 0)
            .unwrap_or_else(PoisonError::into_inner);
        *free -= 1;
        Slot {
            slots: Arc::clone(self),
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        *self.slots.free.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.slots.freed.notify_one();
    }
}
