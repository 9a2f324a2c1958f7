//! Client for Automation KV: encrypted, durable JSON key-value state for automations.
//!
//! Inside an automation there is nothing to configure:
//!
//! ```no_run
//! # async fn example() -> Result<(), automation_kv_client::Error> {
//! let kv = automation_kv_client::Kv::from_environment()?;
//! let cursor: Option<String> = kv.get("cursor").await?;
//! kv.set("cursor", "2026-11-26").await?;
//! let runs = kv.increment("runs", 1).await?;
//! # Ok(())
//! # }
//! ```
//!
//! Every call has a time limit. What is safe to send again is sent again, with growing random pauses and as the service
//! asks (`Retry-After`): a busy state, a service or a network that is away. Every write carries an `Idempotency-Key`, so
//! a write whose answer got lost does not happen twice. What needs a decision is an [`Error`], by kind.

#![forbid(unsafe_code)]

mod batch;
mod call;
mod environment;
mod error;
mod kv;
mod lease;
mod operations;
mod pattern;
mod retry;
mod transaction;

pub use batch::{Batch, BatchReply};
pub use call::{Call, Method, Reply};
pub use environment::{Settings, TOKEN_VARIABLE, URL_VARIABLE};
pub use error::{Error, Refusal};
pub use kv::{Entry, Kv, SetOptions};
pub use lease::Lease;
pub use pattern::Cursor;
pub use retry::Retry;
