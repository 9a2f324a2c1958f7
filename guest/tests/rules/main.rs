//! The rules that random requests make hard to see, one example each, by topic.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    missing_docs,
    reason = "a test may panic, and its helpers speak for themselves"
)]

mod support;

mod all_or_nothing;
mod checks;
mod counters;
mod documents_of_the_python_service;
mod edits;
mod expiry;
mod json_patch;
mod leases;
mod limits;
mod listing;
mod lists;
mod merge_patch;
mod once;
mod order_of_checks;
mod removal;
mod restore;
mod savepoints;
mod scopes;
mod spelling;
mod transactions;
