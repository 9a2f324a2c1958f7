//! The service between API and storage: who waits, who goes together, and who is told what.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic is how a test fails")]

mod ahead;
mod bases;
mod gated;
mod reads;
mod setup;
mod writes;
