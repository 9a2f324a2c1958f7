//! Histories of concurrent requests, and the check that one engine working alone explains them.

pub mod check;
pub mod operation;

use std::time::{Duration, Instant};

use automation_kv::engine::types::Request;
use serde_json::Value;

/// A request of one automation, as its client saw it.
#[derive(Clone, Debug)]
pub struct Event {
    /// What was asked.
    pub request: Request,
    /// When it was sent, from a start that all events share.
    pub invoked: Duration,
    /// When the answer was there, or was given up.
    pub returned: Duration,
    /// What came back.
    pub reply: Reply,
}

/// An answer, as far as it tells what happened.
#[derive(Clone, Debug)]
pub enum Reply {
    /// Status and body.
    Answered(u16, Value),
    /// It did not happen: so says the service.
    Refused,
    /// It may have happened or not.
    Unknown,
}

impl Reply {
    /// Reads an answer; none is one that never came.
    pub fn of(answer: Option<(u16, Value)>) -> Self {
        match answer {
            None => Self::Unknown,
            Some((503, body)) if body["error"] == "outcome_unknown" => Self::Unknown,
            Some((503 | 507, _)) => Self::Refused,
            Some((409, body)) if body["error"] == "kv_store_busy" => Self::Refused,
            Some((status, body)) => Self::Answered(status, body),
        }
    }
}

/// Sends a request and notes what happened, in time since `start`.
pub fn record(start: Instant, request: Request, send: impl FnOnce(&Request) -> Option<(u16, Value)>) -> Event {
    let invoked = start.elapsed();
    let reply = Reply::of(send(&request));
    Event {
        request,
        invoked,
        returned: start.elapsed(),
        reply,
    }
}
