//! Whether an answer is the expected one, and what later steps take from it.

use serde_json::{Map, Value};

use super::variables::Variables;
use super::{Step, expand};
use crate::http::Response;
use crate::matcher::{self, Members, show};

/// Compares an answer with what its step expects, then saves what the step wants to keep.
pub(super) fn check(step: &Step, response: &Response, variables: &mut Variables) -> Result<(), String> {
    let expect = step.get("expect").map(expand).transpose()?.unwrap_or_default();
    let saved = step.get("save").and_then(Value::as_object);
    if let Some(status) = expect.get("status") {
        check_status(status, response)?;
    }
    if expect.get("json").is_some() || expect.get("json_subset").is_some() || saved.is_some() {
        let body = json_of(response)?;
        check_body(&expect, &body, variables)?;
        check_headers(&expect, response)?;
        return save(saved.unwrap_or(&Map::new()), &body, variables);
    }
    check_headers(&expect, response)
}

fn check_status(status: &Value, response: &Response) -> Result<(), String> {
    let allowed = match status {
        Value::Array(allowed) => allowed.as_slice(),
        one => std::slice::from_ref(one),
    };
    if allowed.iter().any(|one| one.as_u64() == Some(response.status.into())) {
        return Ok(());
    }
    let got = (response.status, show(&response.text().into()));
    Err(format!("expected status {}, got {} {}", show(status), got.0, got.1))
}

fn json_of(response: &Response) -> Result<Value, String> {
    serde_json::from_slice(&response.body)
        .map_err(|error| format!("expected a JSON body, got {} ({error})", show(&response.text().into())))
}

fn check_body(expect: &Value, body: &Value, variables: &Variables) -> Result<(), String> {
    if let Some(want) = expect.get("json") {
        matcher::compare_body(&variables.substitute(want), body, "$")?;
    }
    if let Some(want) = expect.get("json_subset") {
        matcher::compare(&variables.substitute(want), body, Members::Some, "$")?;
    }
    Ok(())
}

fn check_headers(expect: &Value, response: &Response) -> Result<(), String> {
    for (name, want) in expect.get("headers").and_then(Value::as_object).into_iter().flatten() {
        match (want, response.header(&name.to_ascii_lowercase())) {
            (Value::Null, None) => {}
            (Value::Null, Some(got)) => return Err(format!("expected no header {name}, got {got:?}")),
            (_, None) => return Err(format!("expected a header {name}, got none")),
            (want, Some(got)) => {
                matcher::compare(want, &got.into(), Members::Some, &format!("header {name}"))?;
            }
        }
    }
    Ok(())
}

fn save(wanted: &Map<String, Value>, body: &Value, variables: &mut Variables) -> Result<(), String> {
    for (name, pointer) in wanted {
        let pointer = pointer.as_str().ok_or("bad case: save takes JSON pointers")?;
        let found = body.pointer(pointer);
        let found = found.ok_or_else(|| format!("expected something at {pointer} to save, got {}", show(body)))?;
        variables.set(name, found.clone());
    }
    Ok(())
}
