//! The op engine of Automation KV: the whole meaning of the store's operations, and nothing else.
//!
//! Plain Rust that runs natively (for tests and benchmarks) and, built for `wasm32-wasip2`, is the
//! component of the world `op-engine` in `wit/`. It is a pure function of the opened document, the
//! requests, the limits and the time it is given.

#![cfg_attr(target_arch = "wasm32", no_std)]

extern crate alloc;

pub mod document;
pub mod json;
pub mod key;
pub mod limits;
pub mod model;
pub mod path;
mod session;

pub use session::Session;

#[cfg(target_arch = "wasm32")]
mod bindings;
#[cfg(target_arch = "wasm32")]
mod rt;
