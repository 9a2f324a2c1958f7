//! The `Authorization` header of a step.

use serde_json::{Map, Value, json};

use super::Step;
use super::variables::{Variables, spelling};
use crate::matcher::show;
use crate::target::Target;
use crate::token;

/// The value of the header, or none to leave it out.
pub(super) fn header(step: &Step, target: &Target, variables: &Variables) -> Result<Option<String>, String> {
    if let Some(special) = step.get("jwt") {
        return Ok(around(step, &special_token(special, target, variables)?, variables));
    }
    if step.contains_key("authorization") {
        return Ok(around(step, variables.text("token"), variables));
    }
    match step.get("token") {
        None => named("valid", target, variables),
        Some(Value::String(name)) => named(name, target, variables),
        Some(other) => Err(unknown(other)),
    }
}

/// The header as the step writes it, around a token.
fn around(step: &Step, token: &str, variables: &Variables) -> Option<String> {
    match step.get("authorization") {
        None => Some(bearer(token)),
        Some(Value::Null) => None,
        Some(written) => {
            let written = spelling(written).replace("${token}", token);
            Some(spelling(&variables.substitute(&written.into())))
        }
    }
}

fn named(name: &str, target: &Target, variables: &Variables) -> Result<Option<String>, String> {
    Ok(match name {
        "valid" => Some(bearer(variables.text("token"))),
        "missing" => None,
        "empty" => Some(bearer("")),
        "malformed" => Some(bearer("these-are.no-claims")),
        "not-bearer" => Some("Basic dXNlcjpwYXNzd29yZA==".to_owned()),
        name => Some(bearer(&made(name, target.secret()?, variables)?)),
    })
}

/// A token that is made with the secret, or nearly so.
fn made(name: &str, secret: &str, variables: &Variables) -> Result<String, String> {
    let claims = token::claims(variables.text("automation_id"));
    let with = |changes: Value| mint(secret, overlay(claims.clone(), &changes));
    let now = token::now();
    Ok(match name {
        "expired" => with(json!({"iat": now - 90_000, "exp": now - 3_600})),
        "wrong-signature" => mint(&format!("{secret} and more"), claims),
        "alg-none" => token::mint(secret, &claims.into(), &header_with("alg", "none")),
        "other-automation" => with(json!({"automation_id": variables.text("other_id")})),
        "no-automation-claim" => mint(secret, without(claims, "automation_id")),
        "automation-not-uuid" => with(json!({"automation_id": "not-a-uuid"})),
        other => return Err(unknown(&other.into())),
    })
}

fn special_token(special: &Value, target: &Target, variables: &Variables) -> Result<String, String> {
    let claims = token::claims(variables.text("automation_id"));
    let changes = special.get("claims").map(|changes| variables.substitute(changes));
    let mut claims = overlay(claims, &changes.unwrap_or_default());
    let omitted = special.get("omit").and_then(Value::as_array).into_iter().flatten();
    for name in omitted.filter_map(Value::as_str) {
        claims = without(claims, name);
    }
    let payload = match special.get("payload") {
        Some(payload) => variables.substitute(payload),
        None => claims.into(),
    };
    let header = special.get("header").and_then(Value::as_object);
    let header = header.cloned().unwrap_or_default();
    Ok(token::mint(target.secret()?, &payload, &header))
}

/// The claims with changes; `{"$now": n}` is the time in n seconds.
fn overlay(mut claims: Map<String, Value>, changes: &Value) -> Map<String, Value> {
    for (name, value) in changes.as_object().into_iter().flatten() {
        let relative = value.as_object().filter(|members| members.len() == 1);
        let seconds = relative.and_then(|members| members.get("$now")).and_then(Value::as_i64);
        let value = seconds.map_or_else(|| value.clone(), |seconds| json!(token::now() + seconds));
        claims.insert(name.clone(), value);
    }
    claims
}

fn without(mut claims: Map<String, Value>, name: &str) -> Map<String, Value> {
    claims.shift_remove(name);
    claims
}

fn mint(secret: &str, claims: Map<String, Value>) -> String {
    token::mint(secret, &claims.into(), &Map::new())
}

fn header_with(name: &str, value: &str) -> Map<String, Value> {
    Map::from_iter([(name.to_owned(), json!(value))])
}

fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

fn unknown(token: &Value) -> String {
    format!("bad case: unknown token {}", show(token))
}
