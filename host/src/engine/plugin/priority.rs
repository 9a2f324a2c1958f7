//! Who runs on when there is not enough of the processors for everybody.
//!
//! A call begins like any other request. One that has run for a tick of the clock goes on with what the rest of the system
//! leaves over: it still ends soon on a machine that has time, and keeps nobody waiting on one that has not. Coming back from
//! there takes rights that a service should not have, so its thread is given up afterwards.

use std::cell::Cell;

use thread_priority::{
    NormalThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy, set_thread_priority_and_policy, thread_native_id,
};

thread_local! {
    static THIS_THREAD: Cell<Standing> = const { Cell::new(Standing::Fixed) };
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// It does other things too, which are not to suffer.
    Fixed,
    /// It is for plugins.
    Usual,
    /// It gets what is left over.
    Lowered,
}

/// Says that this thread is for plugins and can be lowered.
pub fn allow_lowering() {
    THIS_THREAD.set(Standing::Usual);
}

/// Whether this thread gets no more than what is left over.
pub fn is_lowered() -> bool {
    THIS_THREAD.get() == Standing::Lowered
}

/// Lowers this thread, if it is for plugins.
pub fn lower() {
    if THIS_THREAD.get() != Standing::Usual {
        return;
    }
    THIS_THREAD.set(Standing::Lowered);
    let policy = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);
    if let Err(error) = set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, policy) {
        tracing::debug!(?error, "plugins that run for long keep the priority of everything else");
    }
}
