//! Macros: what keeps long and deep values short in a case file.

use serde_json::{Map, Value};

use crate::matcher::show;

const MOST_DEPTH: u64 = 1000;

/// The value with every macro in it replaced by what it stands for.
pub fn expand(value: &Value) -> Result<Value, String> {
    match value {
        Value::Array(items) => Ok(Value::Array(items.iter().map(expand).collect::<Result<_, _>>()?)),
        Value::Object(members) => match only_member(members) {
            Some(("$repeat", argument)) => repeat(argument),
            Some(("$concat", argument)) => concat(argument),
            Some(("$chars", argument)) => chars(argument),
            Some(("$nest", argument)) => nest(argument),
            _ => expand_members(members),
        },
        scalar => Ok(scalar.clone()),
    }
}

fn only_member(members: &Map<String, Value>) -> Option<(&str, &Value)> {
    let (name, argument) = members.iter().next()?;
    (members.len() == 1).then_some((name.as_str(), argument))
}

fn expand_members(members: &Map<String, Value>) -> Result<Value, String> {
    let expanded = members.iter().map(|(name, value)| Ok((name.clone(), expand(value)?)));
    Ok(Value::Object(expanded.collect::<Result<_, String>>()?))
}

/// A text, or the items of a list, so many times.
fn repeat(argument: &Value) -> Result<Value, String> {
    let parts = argument.as_array().map(Vec::as_slice);
    let Some([unit, times]) = parts else {
        return Err(wrong("$repeat", argument));
    };
    let times = times.as_u64().and_then(|times| usize::try_from(times).ok());
    match (expand(unit)?, times) {
        (Value::String(text), Some(times)) => Ok(Value::String(text.repeat(times))),
        (Value::Array(items), Some(times)) => Ok(std::iter::repeat_n(items, times).flatten().collect()),
        _ => Err(wrong("$repeat", argument)),
    }
}

/// Several texts, and what else has a spelling, one after the other.
fn concat(argument: &Value) -> Result<Value, String> {
    let parts = argument.as_array().ok_or_else(|| wrong("$concat", argument))?;
    let texts = parts.iter().map(|part| match expand(part)? {
        Value::String(text) => Ok(text),
        Value::Number(number) => Ok(number.to_string()),
        _ => Err(wrong("$concat", argument)),
    });
    Ok(Value::String(texts.collect::<Result<_, String>>()?))
}

/// The characters with these codes. A lone surrogate is none; `raw_hex` can send its bytes.
fn chars(argument: &Value) -> Result<Value, String> {
    let codes = argument.as_array().ok_or_else(|| wrong("$chars", argument))?;
    let characters = codes.iter().map(|code| {
        let code = code.as_u64().and_then(|code| u32::try_from(code).ok());
        code.and_then(char::from_u32).ok_or_else(|| wrong("$chars", argument))
    });
    Ok(Value::String(characters.collect::<Result<_, String>>()?))
}

/// Containers inside each other; the innermost is empty or holds the leaf.
fn nest(argument: &Value) -> Result<Value, String> {
    let as_list = match argument.get("kind").and_then(Value::as_str) {
        None | Some("list") => true,
        Some(_) => false,
    };
    let name = argument.get("key").and_then(Value::as_str).unwrap_or("n");
    let depth = argument.get("depth").and_then(Value::as_u64);
    // Such a value is built, written and dropped by recursion; a deeper one is sent as raw text.
    let depth = depth
        .filter(|depth| (1..=MOST_DEPTH).contains(depth))
        .ok_or_else(|| wrong("$nest", argument))?;
    let around = |inner: Option<Value>| {
        if as_list {
            Value::Array(inner.into_iter().collect())
        } else {
            Value::Object(inner.into_iter().map(|inner| (name.to_owned(), inner)).collect())
        }
    };
    let leaf = argument.get("leaf").map(expand).transpose()?;
    Ok((1..depth).fold(around(leaf), |inner, _| around(Some(inner))))
}

fn wrong(name: &str, argument: &Value) -> String {
    format!("bad case: {name} of {}", show(argument))
}
