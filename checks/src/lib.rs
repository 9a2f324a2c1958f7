//! End-to-end checks of a running service that keeps the contract of Automation KV, whoever wrote it.
//!
//! Most of them are the recorded cases in `tests/conformance/cases`. The others do what a case cannot tell: many clients
//! at once, two automations side by side, a new connection after each write.

mod caller;
pub mod case;
mod clean_up;
pub mod http;
mod live;
pub mod matcher;
mod suite;
mod target;
pub mod token;

pub use clean_up::CleanUp;
pub use suite::{Check, Finding, quick, recorded, run, thorough};
pub use target::{ProbeError, Target};
