//! What was answered is there.

use serde_json::json;

use super::confirm;
use crate::target::Target;

/// Each write is read on a connection that was opened after its answer. That finds a service, or a pool of them, that
/// answers from memory before the others can know. It does not find out whether a state outlives the machine.
pub(super) fn new_connection(target: &Target) -> Result<(), String> {
    const WRITES: u64 = 10;
    let automation = target.fresh_automation();
    let mut writer = target.caller_of(automation)?;
    for written in 0..WRITES {
        writer.done("PUT", "/v1/kv/k", Some(&json!(written)))?;
        let read = target.caller_of(automation)?.done("GET", "/v1/kv/k", None)?;
        confirm(read["value"] == json!(written), || {
            format!("{written} was written, and a new connection read {}", read["value"])
        })?;
    }
    Ok(())
}
