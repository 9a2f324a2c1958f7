//! What administrators do.

use serde_json::{Value, json};

use super::confirm;
use crate::caller::{Answer, Caller};
use crate::target::Target;

/// An administrator lists automations and deletes one, whose calls are 410 from then on; neither kind of token does what
/// is the other's.
pub(super) fn list_and_delete(target: &Target) -> Result<(), String> {
    let automation = target.fresh_automation();
    let path = format!("/v1/automations/{automation}");
    let mut owner = target.caller_of(automation)?;
    let mut administrator = target.administrator()?;
    owner.done("PUT", "/v1/kv/k", Some(&json!(1)))?;

    let listed = administrator.done("GET", "/v1/automations?limit=1", None)?;
    let count = listed["automations"].as_array().map(Vec::len);
    confirm(count == Some(1), || {
        format!("expected a list of one automation, got {listed}")
    })?;
    expect(
        &owner.call("GET", "/v1/automations", None)?,
        403,
        "an automation lists automations",
    )?;
    expect(&owner.call("DELETE", &path, None)?, 403, "an automation deletes itself")?;
    expect(
        &administrator.call("GET", "/v1/kv/k", None)?,
        403,
        "an administrator reads a state",
    )?;

    for deleted in [true, false] {
        let answer = administrator.done("DELETE", &path, None)?;
        confirm(answer["deleted"] == json!(deleted), || {
            format!("expected \"deleted\": {deleted}, got {answer}")
        })?;
        gone(&mut owner)?;
    }
    Ok(())
}

fn gone(owner: &mut Caller) -> Result<(), String> {
    expect(&owner.call("GET", "/v1/kv/k", None)?, 410, "a read after the deletion")?;
    expect(
        &owner.call("PUT", "/v1/kv/k", Some(&Value::Null))?,
        410,
        "a write after the deletion",
    )
}

fn expect(answer: &Answer, status: u16, what: &str) -> Result<(), String> {
    confirm(answer.status == status, || {
        format!("{what}: expected {status}, got {answer}")
    })
}
