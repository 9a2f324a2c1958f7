//! Plugins: what they can do, what they cannot, and what becomes of those that try.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::missing_panics_doc,
    clippy::wildcard_imports,
    missing_docs,
    reason = "a panic is how a test fails"
)]

mod admission;
mod faults;
mod support;
mod transactions;
mod wasi;
