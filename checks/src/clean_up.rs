//! What becomes of the states that the checks made.

use serde_json::Value;

use crate::caller::Caller;
use crate::target::Target;

/// What was removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CleanUp {
    /// So many automations were deleted, for good.
    Automations(usize),
    /// So many automations stay: the service has no way to delete them.
    Left(usize),
    /// So many keys were removed from the token's automation.
    Keys(usize),
}

impl CleanUp {
    /// Removes what the checks of a target left: their automations, if the service can delete any; under a token their
    /// keys. An error tells what the service answered instead.
    pub fn of(target: &Target) -> Result<Self, String> {
        match target.token() {
            Some(_) => remove_keys(target),
            None => delete_automations(target),
        }
    }
}

fn remove_keys(target: &Target) -> Result<CleanUp, String> {
    let mut caller = target.caller()?;
    let listed = caller.done("GET", "/v1/kv", None)?;
    let keys = listed.get("keys").and_then(Value::as_array).into_iter().flatten();
    let keys = keys.filter_map(Value::as_str);
    let mut removed = 0;
    for key in keys.filter(|key| key.starts_with(target.key_prefix())) {
        caller.done("DELETE", &format!("/v1/kv/{key}"), None)?;
        removed += 1;
    }
    Ok(CleanUp::Keys(removed))
}

fn delete_automations(target: &Target) -> Result<CleanUp, String> {
    let automations = target.take_automations();
    let mut administrator = target.administrator()?;
    let mut deleted = 0;
    for automation in &automations {
        // Deleting one that was never written would leave a row where there was none.
        if !has_state(&mut target.caller_of(*automation)?)? {
            continue;
        }
        let answer = administrator.call_patiently("DELETE", &format!("/v1/automations/{automation}"), None)?;
        match answer.status {
            200 => deleted += 1,
            401 | 403..=405 if deleted == 0 => return Ok(CleanUp::Left(automations.len())),
            _ => return Err(format!("automation {automation} was not deleted: {answer}")),
        }
    }
    Ok(CleanUp::Automations(deleted))
}

/// Whether an automation was ever written. Services that do not tell the version with a list tell it by keys.
fn has_state(caller: &mut Caller) -> Result<bool, String> {
    let listed = caller.call("GET", "/v1/kv", None)?.body;
    let is_positive = |name: &str| {
        listed
            .get(name)
            .and_then(Value::as_u64)
            .is_some_and(|number| number > 0)
    };
    Ok(is_positive("version") || is_positive("count"))
}
