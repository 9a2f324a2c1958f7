//! Many clients, each on a connection of its own, on one automation.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{at_once, confirm};
use crate::caller::Caller;
use crate::target::Target;

const CLIENTS: usize = 8;

/// How long a client tries to change what others change, too.
const PATIENCE: Duration = Duration::from_secs(20);

/// Clients increment one key: the sum is exact, and each got a value and a version of its own, with no gap.
pub(super) fn increments(target: &Target) -> Result<(), String> {
    const EACH: usize = 25;
    let automation = target.fresh_automation();
    let answers = at_once(CLIENTS, |_| {
        let mut caller = target.caller_of(automation)?;
        let answers = (0..EACH).map(|_| caller.done("POST", "/v1/kv/n/incr", None));
        answers.collect::<Result<Vec<_>, _>>()
    })?;
    let answers: Vec<Value> = answers.into_iter().flatten().collect();
    let total = CLIENTS * EACH;
    for member in ["value", "version"] {
        let mut numbers: Vec<u64> = answers.iter().filter_map(|answer| answer[member].as_u64()).collect();
        numbers.sort_unstable();
        confirm(numbers.iter().copied().eq(1..=total as u64), || {
            let (count, last) = (numbers.len(), numbers.last());
            format!("{total} increments: expected each {member} from 1 to {total} once, got {count} up to {last:?}")
        })?;
    }
    let value = value(&mut target.caller_of(automation)?, "n")?;
    confirm(value == json!(total), || {
        format!("{total} increments were answered, and the value is {value}")
    })
}

/// Clients create one key: one of them does, and its value is what stays.
pub(super) fn nx(target: &Target) -> Result<(), String> {
    const ROUNDS: usize = 5;
    let automation = target.fresh_automation();
    for round in 0..ROUNDS {
        let path = format!("/v1/kv/k{round}?nx=true");
        let answers = race(target, automation, "PUT", &path, |client| json!(client))?;
        one_winner(&answers, 201)?;
        let winner = answers.iter().position(|status| *status == 201);
        let value = value(&mut target.caller_of(automation)?, &format!("k{round}"))?;
        confirm(winner.is_some_and(|winner| value == json!(winner)), || {
            format!("client {winner:?} created the key, and its value is {value}")
        })?;
    }
    Ok(())
}

/// Clients claim one lease: one of them gets it.
pub(super) fn lease(target: &Target) -> Result<(), String> {
    let claim = |client| json!({"owner": format!("client-{client}"), "ttl_ms": 60_000});
    let answers = race(target, target.fresh_automation(), "POST", "/v1/kv/l/claim", claim)?;
    one_winner(&answers, 200)
}

/// Clients read, add one, and write if nobody else wrote: nothing is lost.
pub(super) fn if_version(target: &Target) -> Result<(), String> {
    const WRITERS: usize = 4;
    const EACH: usize = 5;
    let automation = target.fresh_automation();
    let mut caller = target.caller_of(automation)?;
    caller.done("PUT", "/v1/kv/n", Some(&json!(0)))?;
    at_once(WRITERS, |_| {
        let mut caller = target.caller_of(automation)?;
        let begun = Instant::now();
        let mut written = 0;
        while written < EACH {
            let read = caller.done("GET", "/v1/kv/n?meta=true", None)?;
            let (Some(value), Some(version)) = (read["value"].as_u64(), read["version"].as_u64()) else {
                return Err(format!("expected a number and a version, got {read}"));
            };
            let path = format!("/v1/kv/n?if_version={version}");
            let answer = caller.call("PUT", &path, Some(&json!(value + 1)))?;
            match answer.status {
                200 => written += 1,
                409 if begun.elapsed() < PATIENCE => {}
                _ => {
                    return Err(format!(
                        "a write if_version={version}: expected 200 or 409, got {answer}"
                    ));
                }
            }
        }
        Ok(())
    })?;
    let value = value(&mut caller, "n")?;
    confirm(value == json!(WRITERS * EACH), || {
        format!("{} writes succeeded, and the value is {value}", WRITERS * EACH)
    })
}

/// A batch increments two keys again and again. Whoever reads one and then the other never finds the other behind, in
/// whichever order.
pub(super) fn batches(target: &Target) -> Result<(), String> {
    const BATCHES: usize = 50;
    const READERS: usize = 3;
    let automation = target.fresh_automation();
    let both = |op: &str, more: &Value| {
        let operations = ["a", "b"].map(|key| {
            let mut operation = json!({"op": op, "key": key});
            if let (Some(members), Some(more)) = (operation.as_object_mut(), more.as_object()) {
                members.extend(more.clone());
            }
            operation
        });
        json!({"operations": operations})
    };
    let mut caller = target.caller_of(automation)?;
    caller.done("POST", "/v1/kv/batch", Some(&both("set", &json!({"value": 0}))))?;
    let finished = AtomicBool::new(false);
    let write = || {
        let mut caller = target.caller_of(automation)?;
        let batch = both("incr", &json!({}));
        (0..BATCHES).try_for_each(|_| caller.done("POST", "/v1/kv/batch", Some(&batch)).map(drop))
    };
    at_once(READERS + 1, |client| {
        if client == 0 {
            let written = write();
            finished.store(true, Ordering::Relaxed);
            return written;
        }
        let mut caller = target.caller_of(automation)?;
        let (first, second) = if client % 2 == 0 { ("a", "b") } else { ("b", "a") };
        while !finished.load(Ordering::Relaxed) {
            let (earlier, later) = (value(&mut caller, first)?, value(&mut caller, second)?);
            confirm(earlier.as_u64() <= later.as_u64(), || {
                format!("{first} was {earlier}, and {second} was still {later} after that: half a batch was seen")
            })?;
        }
        Ok(())
    })?;
    let values = (value(&mut caller, "a")?, value(&mut caller, "b")?);
    confirm(values.0 == json!(BATCHES) && values.1 == json!(BATCHES), || {
        format!(
            "{BATCHES} batches succeeded, and the values are {} and {}",
            values.0, values.1
        )
    })
}

/// All clients send a request at the same moment. Gives the status of each, in their order.
fn race(
    target: &Target,
    automation: uuid::Uuid,
    method: &str,
    path: &str,
    body: impl Fn(usize) -> Value + Sync,
) -> Result<Vec<u16>, String> {
    let start = Barrier::new(CLIENTS);
    at_once(CLIENTS, |client| {
        let caller = target.caller_of(automation);
        // Before anything can fail: the others would wait for ever.
        start.wait();
        Ok(caller?.call_patiently(method, path, Some(&body(client)))?.status)
    })
}

fn one_winner(statuses: &[u16], won: u16) -> Result<(), String> {
    let winners = statuses.iter().filter(|status| **status == won).count();
    let others = statuses.iter().filter(|status| **status == 409).count();
    confirm(winners == 1 && others == statuses.len() - 1, || {
        format!("expected {won} once and 409 for the others, got {statuses:?}")
    })
}

fn value(caller: &mut Caller, key: &str) -> Result<Value, String> {
    let read = caller.done("GET", &format!("/v1/kv/{key}"), None)?;
    Ok(read["value"].clone())
}
