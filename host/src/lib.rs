//! Automation KV: encrypted, durable JSON key-value state for automations, over plain HTTP.
//!
//! `docs/architecture.md` in the repository shows how the modules fit together.

#![deny(unsafe_code)]

pub mod api;
pub mod automation;
pub mod clear;
pub mod cli;
pub mod database;
pub mod diff;
pub mod engine;
pub mod plugins;
pub mod report;
pub mod rotation;
pub mod scope;
pub mod service;
pub mod storage;
mod threads;
pub mod token;
pub mod vault;
