//! The component's side.

#![allow(unsafe_code, reason = "generated bindings; the ABI is raw pointers")]

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;
use core::hint::black_box;

use crate::{Deed, KIND};

wit_bindgen::generate!({
    world: "plugin",
    path: "../../wit",
});

use automation::kv::types::{
    ClaimOperation, Condition, CountOperation, Expiry, GetOperation, ListOperation, Operation, Outcome, Rejection,
    SetOperation,
};
use automation::kv::{kv, log};
use exports::automation::kv::operation_plugin::{Description, Guest, PluginError};

struct Plugin;

export!(Plugin);

impl Guest for Plugin {
    fn describe() -> Description {
        let kind = black_box(KIND).last().copied().unwrap_or_default();
        match kind {
            b'2' => drop(kv::execute(&[get("a")])),
            b'5' => run_for_ever(),
            _ => {}
        }
        Description {
            name: if kind == b'3' { "A name!" } else { "test" }.to_string(),
            version: "1.0.0".to_string(),
            documentation: "Does what it is told.".to_string(),
            input_schema: if kind == b'4' {
                "{\"type\":7}"
            } else {
                "{\"type\":\"string\"}"
            }
            .to_string(),
            output_schema: "{\"type\":[\"string\",\"integer\"]}".to_string(),
            writes: kind != b'1',
        }
    }

    fn invoke(input: String) -> Result<String, PluginError> {
        let deed = input.trim_matches('"');
        match deed {
            Deed::NOTHING => {}
            Deed::THREE_OPERATIONS => {
                let [outcome] = &execute(vec![get("a")])?[..] else {
                    return Err(PluginError::Failed("no outcome".to_string()));
                };
                let Outcome::Value(entry) = outcome else {
                    return Err(PluginError::Failed("no value".to_string()));
                };
                execute(vec![set("b", &entry.value), set("c", "1")])?;
            }
            Deed::COUNT => return number(execute(vec![increment("n")])?),
            Deed::MEDIUM_OUTPUT => {
                execute(vec![increment("n")])?;
                return Ok(format!("\"{}\"", "x".repeat(100_000)));
            }
            Deed::READ => return number(execute(vec![get("n")])?),
            Deed::LIST => return number(execute(vec![list()])?),
            Deed::CLAIM => {
                execute(vec![set("before", "1")])?;
                return number(execute(vec![claim()])?);
            }
            Deed::NOW => return Ok(kv::now().to_string()),
            Deed::GO_ON => {
                let refused = kv::execute(&[set("not kept", "1"), get("there is no such key")]);
                execute(vec![set("after", if refused.is_err() { "true" } else { "false" })])?;
            }
            Deed::REJECTED => {
                execute(vec![set("b", "1")])?;
                execute(vec![get("there is no such key")])?;
            }
            Deed::TOO_LARGE => {
                let value = format!("\"{}\"", "x".repeat(100_000));
                execute(vec![set("b", &value)])?;
            }
            Deed::CALLS => {
                for _ in 0..1_000_000 {
                    execute(vec![increment("n")])?;
                }
            }
            Deed::OPERATIONS => {
                execute(vec![increment("n"); 1_000_000])?;
            }
            Deed::HEAVY => {
                let value = format!("\"{}\"", "x".repeat(60_000));
                for _ in 0..1_000 {
                    execute(vec![set("heavy", &value)])?;
                }
            }
            Deed::FEW_LINES => {
                log::write(log::Level::Info, "a line\nand another");
                log::write(log::Level::Error, "an error");
            }
            deed => return after_writing(deed),
        }
        Ok(format!("\"{deed}\""))
    }
}

/// What should leave nothing behind of what it wrote.
fn after_writing(deed: &str) -> Result<String, PluginError> {
    const MANY_BYTES: usize = 100_000_000;
    execute(vec![set("b", "1"), increment("n")])?;
    match deed {
        Deed::FAILED => return Err(PluginError::Failed("gave up".to_string())),
        Deed::CONFLICT => return Err(PluginError::Conflict("not now".to_string())),
        Deed::TRAP => core::arch::wasm32::unreachable(),
        Deed::LOOP => run_for_ever(),
        Deed::MEMORY => take_all_memory(),
        Deed::RECURSION => drop(black_box(recurse(0))),
        Deed::LOG => {
            for _ in 0..MANY_BYTES / 1000 {
                log::write(log::Level::Info, &"x".repeat(1000));
            }
        }
        Deed::LONG_LINE => log::write(log::Level::Info, &"x".repeat(MANY_BYTES)),
        Deed::NO_JSON => return Ok("nothing like JSON".to_string()),
        Deed::MISFIT => return Ok("{}".to_string()),
        Deed::LARGE_OUTPUT => return Ok(format!("\"{}\"", "x".repeat(2 << 20))),
        Deed::LONG_ERROR => return Err(PluginError::Failed("x".repeat(1_000_000))),
        _ => return Err(PluginError::InvalidInput(format!("there is no deed {deed:?}"))),
    }
    Ok("\"done\"".to_string())
}

fn execute(operations: Vec<Operation>) -> Result<Vec<Outcome>, PluginError> {
    kv::execute(&operations).map_err(|rejection: Rejection| PluginError::Rejected(rejection))
}

/// The number in the only outcome.
fn number(outcomes: Vec<Outcome>) -> Result<String, PluginError> {
    match outcomes.into_iter().next() {
        Some(Outcome::Number(number)) => Ok(number),
        Some(Outcome::Value(entry)) => Ok(entry.value),
        Some(Outcome::Claimed(lease)) => Ok(lease.fence.to_string()),
        Some(Outcome::Keys(page)) => Ok(page.keys.len().to_string()),
        _ => Err(PluginError::Failed("no number".to_string())),
    }
}

fn get(key: &str) -> Operation {
    Operation::Get(GetOperation {
        key: key.to_string(),
        path: None,
    })
}

fn set(key: &str, value: &str) -> Operation {
    Operation::Set(SetOperation {
        key: key.to_string(),
        value: value.to_string(),
        condition: Condition::Always,
        expiry: Expiry::Keep,
    })
}

fn increment(key: &str) -> Operation {
    Operation::Increment(CountOperation {
        key: key.to_string(),
        by: "1".to_string(),
    })
}

fn list() -> Operation {
    Operation::ListKeys(ListOperation {
        prefix: String::new(),
        limit: None,
        cursor: None,
        values: false,
    })
}

fn claim() -> Operation {
    Operation::Claim(ClaimOperation {
        key: "lease".to_string(),
        owner: "plugin".to_string(),
        milliseconds: 60_000,
    })
}

fn run_for_ever() {
    let mut count = 0_u64;
    loop {
        count = black_box(count.wrapping_add(1));
    }
}

fn take_all_memory() {
    const CHUNK_BYTES: usize = 1 << 20;
    let mut taken: Vec<Vec<u8>> = Vec::new();
    loop {
        taken.push(black_box(vec![1; CHUNK_BYTES]));
    }
}

fn recurse(depth: u64) -> u64 {
    let frame = black_box([depth; 64]);
    recurse(black_box(depth + 1)) + frame[63]
}
