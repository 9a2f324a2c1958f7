//! A sliding-window rate limiter: at most so many calls in any window of so many milliseconds.
//!
//! Under the key is the list of the times of the calls that were allowed, oldest first.

#![no_std]

extern crate alloc;

mod runtime;

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use automation::kv::kv;
use automation::kv::types::{Condition, Expiry, GetOperation, Operation, Outcome, Reason, SetOperation};
use exports::automation::kv::operation_plugin::{Description, Guest, PluginError};

wit_bindgen::generate!({
    world: "plugin",
    path: "../../../wit",
});

const INPUT: &str = r#"{
  "type": "object",
  "properties": {
    "key": {"type": "string", "minLength": 1, "description": "Where the times are kept."},
    "limit": {"type": "integer", "minimum": 1, "maximum": 2000, "description": "How many calls a window allows."},
    "window_ms": {"type": "integer", "minimum": 1, "maximum": 31536000000, "description": "The length of a window."}
  },
  "required": ["key", "limit", "window_ms"],
  "additionalProperties": false
}"#;

const OUTPUT: &str = r#"{
  "type": "object",
  "properties": {
    "allowed": {"type": "boolean"},
    "remaining": {"type": "integer", "minimum": 0, "description": "How many more are allowed now."},
    "retry_after_ms": {"type": "integer", "minimum": 0, "description": "When the next one is; 0 for at once."}
  },
  "required": ["allowed", "remaining", "retry_after_ms"],
  "additionalProperties": false
}"#;

#[derive(Deserialize)]
struct Input {
    key: String,
    limit: usize,
    window_ms: u64,
}

#[derive(Serialize)]
struct Output {
    allowed: bool,
    remaining: usize,
    retry_after_ms: u64,
}

struct RateLimiter;

export!(RateLimiter);

impl Guest for RateLimiter {
    fn describe() -> Description {
        Description {
            name: "rate-limiter".to_string(),
            version: env!("CARGO_PKG_VERSION").to_string(),
            documentation:
                "Allows at most `limit` calls in any `window_ms` milliseconds, and says when the next one is."
                    .to_string(),
            input_schema: INPUT.to_string(),
            output_schema: OUTPUT.to_string(),
            writes: true,
        }
    }

    fn invoke(input: String) -> Result<String, PluginError> {
        let input: Input =
            serde_json::from_str(&input).map_err(|error| PluginError::InvalidInput(error.to_string()))?;
        let now = kv::now();
        let mut times = times(&input.key)?;
        // A call that is exactly one window old is in another one.
        times.retain(|time| time.saturating_add(input.window_ms) > now);
        let output = match times.len().checked_sub(input.limit) {
            None => {
                times.push(now);
                store(&input, &times)?;
                let remaining = input.limit - times.len();
                Output {
                    allowed: true,
                    remaining,
                    retry_after_ms: if remaining > 0 { 0 } else { wait(&times, 0, &input, now) },
                }
            }
            // More than the limit are there if the limit was higher before.
            Some(surplus) => Output {
                allowed: false,
                remaining: 0,
                retry_after_ms: wait(&times, surplus, &input, now),
            },
        };
        serde_json::to_string(&output).map_err(|error| PluginError::Failed(error.to_string()))
    }
}

/// The times of the calls that were allowed; none if the key is not there.
fn times(key: &str) -> Result<Vec<u64>, PluginError> {
    let get = Operation::Get(GetOperation {
        key: key.to_string(),
        path: None,
    });
    match kv::execute(&[get]) {
        Ok(outcomes) => match outcomes.as_slice() {
            [Outcome::Value(entry)] => serde_json::from_str(&entry.value)
                .map_err(|_| PluginError::Conflict(format!("the value of {key:?} is no list of times"))),
            _ => Err(PluginError::Failed("a get that gives no value".to_string())),
        },
        Err(rejection) if matches!(rejection.reason, Reason::KeyNotFound) => Ok(Vec::new()),
        Err(rejection) => Err(PluginError::Rejected(rejection)),
    }
}

/// Keeps the times until the latest of them does not count any more.
fn store(input: &Input, times: &[u64]) -> Result<(), PluginError> {
    let value = serde_json::to_string(times).map_err(|error| PluginError::Failed(error.to_string()))?;
    let set = Operation::Set(SetOperation {
        key: input.key.clone(),
        value,
        condition: Condition::Always,
        expiry: Expiry::After(input.window_ms),
    });
    kv::execute(&[set]).map(drop).map_err(PluginError::Rejected)
}

/// How long until the call at an index, and with it all before it, does not count any more.
fn wait(times: &[u64], index: usize, input: &Input, now: u64) -> u64 {
    times
        .get(index)
        .map_or(0, |time| time.saturating_add(input.window_ms).saturating_sub(now))
}
