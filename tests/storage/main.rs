//! What every storage promises, and the same suite over all of them.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic is how a test fails")]

mod automations;
mod changes;
mod helpers;
mod history;
mod hosts;
mod place;
mod postgres;
mod sealing;
mod sqlite;
mod states;
mod suite;
#[path = "../support/mod.rs"]
mod support;
