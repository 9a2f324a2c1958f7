//! Whether a JSON value is the expected one.
//!
//! Numbers are compared by kind, which is read off their text: `1`, `1.0` and `true` are three values. Integers of any
//! size are compared exactly, all other numbers as doubles, whose two zeros differ.

mod matchers;
mod scalar;

use serde_json::{Map, Value};

/// Whether further members of an object are fine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Members {
    /// No: the object has the expected members and no others.
    All,
    /// Yes, at every level.
    Some,
}

/// How the expected value itself is read.
#[derive(Clone, Copy)]
enum Reading {
    /// `$match` objects stand for what they describe.
    Matchers,
    /// Everything stands for itself.
    Plain,
}

/// `Ok` when `got` is what `want` describes, otherwise one sentence about the first difference. `place` says in that
/// sentence where `got` comes from.
pub fn compare(want: &Value, got: &Value, members: Members, place: &str) -> Result<(), String> {
    compare_as(Reading::Matchers, want, got, members, place)
}

/// The same for the top level of a body, where a service may always add members of its own.
pub fn compare_body(want: &Value, got: &Value, place: &str) -> Result<(), String> {
    let (Value::Object(wanted), Value::Object(members)) = (want, got) else {
        return compare(want, got, Members::All, place);
    };
    if wanted.contains_key(matchers::MARK) {
        return compare(want, got, Members::All, place);
    }
    let known = members.iter().filter(|(name, _)| wanted.contains_key(*name));
    let known: Map<String, Value> = known.map(|(name, value)| (name.clone(), value.clone())).collect();
    compare(want, &known.into(), Members::All, place)
}

/// A value for a message: JSON in ASCII, cut off where it gets long.
pub fn show(value: &Value) -> String {
    const SHOWN_CHARACTERS: usize = 160;
    let text = value.to_string();
    let length = text.chars().count();
    let shown: String = text.chars().take(SHOWN_CHARACTERS).map(visible).collect();
    if length > SHOWN_CHARACTERS {
        format!("{shown}… ({length} characters)")
    } else {
        shown
    }
}

fn compare_as(reading: Reading, want: &Value, got: &Value, members: Members, place: &str) -> Result<(), String> {
    match (want, got) {
        (Value::Object(matcher), _) if matches!(reading, Reading::Matchers) && matcher.contains_key(matchers::MARK) => {
            matchers::compare(matcher, got, members, place)
        }
        (Value::Object(want), Value::Object(got)) => compare_objects(reading, want, got, members, place),
        (Value::Array(want), Value::Array(got)) => compare_lists(reading, want, got, members, place),
        _ => scalar::compare(want, got, place),
    }
}

fn compare_objects(
    reading: Reading,
    want: &Map<String, Value>,
    got: &Map<String, Value>,
    members: Members,
    place: &str,
) -> Result<(), String> {
    for (name, value) in want {
        let Some(other) = got.get(name) else {
            return Err(format!("{place}: expected a member {name:?}, got none"));
        };
        compare_as(reading, value, other, members, &format!("{place}.{name}"))?;
    }
    match got.keys().find(|name| !want.contains_key(*name)) {
        Some(name) if members == Members::All => Err(format!("{place}: expected no member {name:?}, got one")),
        _ => Ok(()),
    }
}

fn compare_lists(reading: Reading, want: &[Value], got: &[Value], members: Members, place: &str) -> Result<(), String> {
    if want.len() != got.len() {
        return Err(format!("{place}: expected {} items, got {}", want.len(), got.len()));
    }
    for (index, (value, other)) in want.iter().zip(got).enumerate() {
        compare_as(reading, value, other, members, &format!("{place}[{index}]"))?;
    }
    Ok(())
}

fn visible(character: char) -> String {
    if character.is_ascii() && !character.is_ascii_control() {
        character.to_string()
    } else {
        character.escape_unicode().to_string()
    }
}
