//! What the tests of the service share: a client, tokens, and the service itself.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::missing_panics_doc,
    missing_docs,
    dead_code,
    reason = "test support: each test binary uses a part of it, and a panic is how a test fails"
)]

pub mod client;
pub mod history;
pub mod pgbouncer;
pub mod plugins;
pub mod postgres;
pub mod service;
pub mod sessions;

pub use automation_kv_checks::{http, token};

/// A number that makes a test longer or shorter, or the same again: `AUTOMATION_KV_TEST_<name>`.
pub fn knob(name: &str, default: u64) -> u64 {
    match std::env::var(format!("AUTOMATION_KV_TEST_{name}")) {
        Ok(text) => text
            .parse()
            .unwrap_or_else(|_| panic!("AUTOMATION_KV_TEST_{name} must be a number, not {text:?}")),
        Err(_) => default,
    }
}
