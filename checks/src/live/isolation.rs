//! Two automations side by side.

use serde_json::{Value, json};

use super::{at_once, confirm};
use crate::target::Target;

/// Two automations write the same keys at the same time; each sees its own values only, and one that removes its keys
/// leaves the other's.
pub(super) fn same_keys(target: &Target) -> Result<(), String> {
    const ROUNDS: usize = 20;
    const KEYS: [&str; 2] = ["config", "cursor"];
    let automations = [target.fresh_automation(), target.fresh_automation()];
    at_once(automations.len(), |index| {
        let mut caller = target.caller_of(automations[index])?;
        for round in 0..ROUNDS {
            for key in KEYS {
                let path = format!("/v1/kv/{key}");
                let own = json!({"automation": index, "round": round});
                caller.done("PUT", &path, Some(&own))?;
                let read = caller.done("GET", &path, None)?;
                confirm(read["value"] == own, || {
                    format!("automation {index} wrote {own} to {key:?} and read {}", read["value"])
                })?;
            }
        }
        Ok(())
    })?;
    let [mut first, mut second] = [target.caller_of(automations[0])?, target.caller_of(automations[1])?];
    for key in KEYS {
        first.done("DELETE", &format!("/v1/kv/{key}"), None)?;
    }
    let left = first.done("GET", "/v1/kv", None)?;
    confirm(left["keys"] == json!([]), || {
        format!("an automation removed its keys, and {} are left", left["keys"])
    })?;
    let others = second.done("GET", "/v1/kv", None)?;
    let mut keys: Vec<&str> = others["keys"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    keys.sort_unstable();
    confirm(keys == KEYS, || {
        format!("an automation removed its keys, and another has {keys:?} left of {KEYS:?}")
    })
}
