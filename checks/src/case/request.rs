//! From a step to the request that it describes.

use serde_json::Value;

use super::variables::{Variables, spelling};
use super::{Step, authorization, expand};
use crate::http::Request;
use crate::target::Target;

/// The request of a step.
pub(super) fn build(step: &Step, target: &Target, variables: &Variables) -> Result<Request, String> {
    let method = step
        .get("method")
        .and_then(Value::as_str)
        .ok_or("bad case: no method")?;
    let mut request = Request::new(method, path_and_query(step, target, variables)?);
    if let Some(authorization) = authorization::header(step, target, variables)? {
        request = request.header("Authorization", authorization);
    }
    let body = body(step, variables)?;
    if let Some(content_type) = content_type(step, body.is_some()) {
        request = request.header("Content-Type", content_type);
    }
    for (name, value) in step.get("headers").and_then(Value::as_object).into_iter().flatten() {
        request = request.header(name, spelling(&variables.substitute(value)));
    }
    // Sent unless the case asks for something else, as most clients do.
    let accept = step.get("headers").and_then(|headers| headers.get("Accept"));
    if accept.is_none() {
        request = request.header("Accept", "*/*");
    }
    Ok(match body {
        Some(body) => request.body(body),
        None => request,
    })
}

fn path_and_query(step: &Step, target: &Target, variables: &Variables) -> Result<String, String> {
    let path = match step.get("path") {
        Some(path) => spelling(&variables.substitute(&expand(path)?)),
        None => String::new(),
    };
    let whole = format!("{}/v1/kv{path}", target.prefix);
    let query = match step.get("query") {
        None | Some(Value::Null) => return Ok(whole),
        Some(query) => variables.substitute(&expand(query)?),
    };
    Ok(format!("{whole}?{}", query_text(&query)))
}

fn query_text(query: &Value) -> String {
    let Value::Object(parameters) = query else {
        return spelling(query);
    };
    let pairs = parameters
        .iter()
        .map(|(name, value)| format!("{}={}", encode(name), encode(&spelling(value))));
    pairs.collect::<Vec<_>>().join("&")
}

/// Percent-encodes everything but the characters that never need it.
fn encode(text: &str) -> String {
    let encoded = text.bytes().map(|byte| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    });
    encoded.collect()
}

fn body(step: &Step, variables: &Variables) -> Result<Option<Vec<u8>>, String> {
    if let Some(value) = step.get("json") {
        let value = variables.substitute(&expand(value)?);
        return Ok(Some(value.to_string().into_bytes()));
    }
    if let Some(raw) = step.get("raw") {
        let text = joined(expand(raw)?);
        return Ok(Some(spelling(&variables.substitute(&text)).into_bytes()));
    }
    step.get("raw_hex").map(from_hex).transpose()
}

/// A raw text may be written in parts.
fn joined(raw: Value) -> Value {
    match raw {
        Value::Array(parts) => parts.iter().map(spelling).collect::<String>().into(),
        whole => whole,
    }
}

fn from_hex(hex: &Value) -> Result<Vec<u8>, String> {
    let digits: Option<Vec<u8>> = hex.as_str().and_then(|text| {
        let digits = text.chars().filter(|character| !character.is_whitespace());
        digits
            .map(|digit| digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
            .collect()
    });
    let digits = digits
        .filter(|digits| digits.len().is_multiple_of(2))
        .ok_or("bad case: raw_hex is not hexadecimal")?;
    Ok(digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

fn content_type(step: &Step, has_body: bool) -> Option<String> {
    match step.get("content_type") {
        Some(Value::Null) => None,
        Some(written) => Some(spelling(written)),
        None => has_body.then(|| "application/json".to_owned()),
    }
}
