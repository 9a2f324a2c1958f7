//! Expectations that describe a value: `{"$match": …}`.

use regex::Regex;
use serde_json::{Map, Value};

use super::{Members, Reading, compare_as, scalar, show};

/// The member that makes an object a matcher.
pub(super) const MARK: &str = "$match";

const TIMESTAMP: &str = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)?\z";

/// `Ok` when `got` is what the matcher describes.
pub(super) fn compare(matcher: &Map<String, Value>, got: &Value, members: Members, place: &str) -> Result<(), String> {
    match mark(matcher).as_str().unwrap_or_default() {
        "any" => Ok(()),
        "int" => confirm(scalar::is_integral(got), "an integer", got, place),
        "timestamp" => confirm(is_timestamp(got)?, "a timestamp", got, place),
        "string" => string(matcher, got, place),
        "literal" => compare_as(Reading::Plain, argument(matcher, "value")?, got, Members::All, place),
        "one-of" => one_of(items(matcher)?, got, members, place),
        "unordered" => unordered(items(matcher)?, got, members, place),
        "ordered" => ordered(argument(matcher, "value")?, got, members, place),
        _ => Err(format!("bad case: unknown matcher {}", show(mark(matcher)))),
    }
}

/// Which matcher it is.
fn mark(matcher: &Map<String, Value>) -> &Value {
    matcher.get(MARK).unwrap_or(&Value::Null)
}

fn is_timestamp(value: &Value) -> Result<bool, String> {
    let pattern = pattern(TIMESTAMP)?;
    Ok(value.as_str().is_some_and(|text| pattern.is_match(text)))
}

fn string(matcher: &Map<String, Value>, got: &Value, place: &str) -> Result<(), String> {
    let Value::String(text) = got else {
        return confirm(false, "a string", got, place);
    };
    for (name, argument) in matcher.iter().filter(|(name, _)| *name != MARK) {
        let argument = argument.as_str().unwrap_or_default();
        let holds = match name.as_str() {
            "prefix" => text.starts_with(argument),
            "contains" => text.contains(argument),
            "regex" => pattern(argument)?.is_match(text),
            _ => return Err(format!("bad case: unknown test {name:?} of a string")),
        };
        confirm(holds, &format!("a string with {name} {argument:?}"), got, place)?;
    }
    Ok(())
}

/// Reads a pattern of Python's, whose `\Z` is the end of the text.
fn pattern(text: &str) -> Result<Regex, String> {
    Regex::new(&text.replace(r"\Z", r"\z")).map_err(|error| format!("bad case: {error}"))
}

fn one_of(items: &[Value], got: &Value, members: Members, place: &str) -> Result<(), String> {
    let found = items.iter().any(|item| matches(item, got, members));
    confirm(found, &format!("one of {}", show(&items.into())), got, place)
}

/// Each expected item takes the first of the others' items that fits it.
fn unordered(items: &[Value], got: &Value, members: Members, place: &str) -> Result<(), String> {
    let list = got.as_array().filter(|list| list.len() == items.len());
    let Some(list) = list else {
        return confirm(false, &format!("{} items in any order", items.len()), got, place);
    };
    let mut left: Vec<&Value> = list.iter().collect();
    for item in items {
        match left.iter().position(|candidate| matches(item, candidate, members)) {
            Some(index) => drop(left.remove(index)),
            None => return confirm(false, &format!("an item {}", show(item)), got, place),
        }
    }
    Ok(())
}

/// An object whose members also have to come in the written order.
fn ordered(want: &Value, got: &Value, members: Members, place: &str) -> Result<(), String> {
    compare_as(Reading::Matchers, want, got, members, place)?;
    let (wanted, found) = (names(want), names(got));
    if wanted == found {
        Ok(())
    } else {
        Err(format!(
            "{place}: expected the members in the order {wanted:?}, got {found:?}"
        ))
    }
}

fn names(value: &Value) -> Vec<&str> {
    let members = value.as_object().into_iter().flatten();
    members.map(|(name, _)| name.as_str()).collect()
}

fn matches(want: &Value, got: &Value, members: Members) -> bool {
    compare_as(Reading::Matchers, want, got, members, "").is_ok()
}

fn items(matcher: &Map<String, Value>) -> Result<&[Value], String> {
    let items = argument(matcher, "items")?.as_array();
    Ok(items.ok_or("bad case: the items of a matcher are no list")?)
}

fn argument<'a>(matcher: &'a Map<String, Value>, name: &str) -> Result<&'a Value, String> {
    let argument = matcher.get(name);
    argument.ok_or_else(|| format!("bad case: matcher {} without {name:?}", show(mark(matcher))))
}

fn confirm(holds: bool, expected: &str, got: &Value, place: &str) -> Result<(), String> {
    if holds {
        Ok(())
    } else {
        Err(format!("{place}: expected {expected}, got {}", show(got)))
    }
}
