//! Tests that a recorded case cannot be: several clients at once, or more than one connection.

mod automations;
mod concurrency;
mod durability;
mod isolation;

use std::thread;

use crate::target::Target;

/// A test in code.
pub struct Live {
    /// Area and name.
    pub(crate) label: &'static str,
    /// Whether it tests what is beyond the contract.
    pub(crate) is_extension: bool,
    /// Says what was wrong, if anything was.
    pub(crate) test: fn(&Target) -> Result<(), String>,
}

pub(crate) const ALL: &[Live] = &[
    of_contract("concurrency/every-increment-counts-once", concurrency::increments),
    of_contract("concurrency/nx-has-one-winner", concurrency::nx),
    of_contract("concurrency/if-version-loses-no-update", concurrency::if_version),
    of_contract("concurrency/batches-are-seen-whole", concurrency::batches),
    extension("concurrency/a-lease-has-one-owner", concurrency::lease),
    of_contract("isolation/same-keys-at-the-same-time", isolation::same_keys),
    of_contract(
        "durability/a-new-connection-reads-what-was-written",
        durability::new_connection,
    ),
    extension(
        "automations/an-administrator-lists-and-deletes",
        automations::list_and_delete,
    ),
];

const fn of_contract(label: &'static str, test: fn(&Target) -> Result<(), String>) -> Live {
    Live {
        label,
        is_extension: false,
        test,
    }
}

const fn extension(label: &'static str, test: fn(&Target) -> Result<(), String>) -> Live {
    Live {
        label,
        is_extension: true,
        test,
    }
}

/// Does the same so many times at once. Gives what came of each, in any order, or the first problem.
fn at_once<T: Send>(count: usize, work: impl Fn(usize) -> Result<T, String> + Sync) -> Result<Vec<T>, String> {
    thread::scope(|scope| {
        let work = &work;
        let workers: Vec<_> = (0..count).map(|index| scope.spawn(move || work(index))).collect();
        let results = workers.into_iter().map(|worker| {
            let panicked = |_| Err("a client of the check panicked".to_owned());
            worker.join().unwrap_or_else(panicked)
        });
        // All of them, so that none is still at work when the first problem is told.
        results.collect::<Vec<_>>().into_iter().collect()
    })
}

/// `Ok` if it holds, otherwise what was found.
fn confirm(holds: bool, problem: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(problem()) }
}
