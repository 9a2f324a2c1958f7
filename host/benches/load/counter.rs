//! Whether a counter has counted every increment that was acknowledged, and none twice.

use std::fmt;
use std::net::SocketAddr;

use serde_json::Value;

use super::drive::{Report, ask};

/// What a counter counted while clients were told what they were told.
#[derive(Clone, Copy)]
pub struct Counted {
    /// What the counter grew by.
    growth: u64,
    acknowledged: u64,
    /// Increments that may have happened or not.
    unknown: u64,
}

impl Counted {
    /// From the counter's values before and after.
    pub fn new(before: u64, after: u64, report: &Report) -> Self {
        Self {
            growth: after.saturating_sub(before),
            acknowledged: report.succeeded(),
            unknown: report.failed(),
        }
    }

    /// Whether none is missing or too many.
    pub fn is_sound(&self) -> bool {
        (self.acknowledged..=self.acknowledged + self.unknown).contains(&self.growth)
    }
}

impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.growth, self.acknowledged)
    }
}

/// The counter's value; 0 where there is none yet.
pub async fn value(address: SocketAddr, request: &[u8]) -> u64 {
    let (status, body) = ask(address, request).await.expect("the counter");
    if status == 404 {
        return 0;
    }
    let body: Value = serde_json::from_slice(&body).expect("the counter's value");
    body["value"].as_u64().expect("a number")
}
