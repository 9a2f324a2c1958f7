//! Automation KV: encrypted, durable JSON key-value state for automations, over plain HTTP.
//!
//! `docs/architecture.md` in the repository shows how the modules fit together.

#![forbid(unsafe_code)]

pub mod automation;
pub mod engine;
pub mod vault;
