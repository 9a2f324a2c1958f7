//! A document as one JSON object: what the Python service stored, and how people write a state.
//!
//! ```text
//! {"key": value, …, "$version": 7,
//!  "$keys": {"key": {"version": 7, "created_at": time, "updated_at": time, "expires_at": time or null}, …}}
//! ```
//!
//! Names that start with `$` are not keys, so none of them is taken for one. All of them may be missing, as may anything in
//! `$keys`: the version is 0 then, and a key is as old as the sealing, of the document's version, and never expires. A time
//! is RFC 3339 text, or a number of seconds since 1970. Ordinals and remembered requests have no place here.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use super::{Document, Record, Unreadable};
use crate::json;
use crate::model::TimestampMs;

const VERSION_MEMBER: &str = "\"$version\"";
const KEYS_MEMBER: &str = "\"$keys\"";

/// Reads such an object. What it does not date is from `sealed_at`.
pub fn decode(plain: Vec<u8>, sealed_at: TimestampMs) -> Result<Document, Unreadable> {
    let text = String::from_utf8(plain).map_err(|_| Unreadable("the document is not UTF-8"))?;
    let object = json::normalize(&text)
        .map_err(|_| Unreadable("the document is not JSON"))?
        .text;
    let mut document = Document {
        created_at: sealed_at,
        updated_at: sealed_at,
        ..Document::default()
    };
    if let Some(version) = member(&object, VERSION_MEMBER) {
        document.version = whole(version).ok_or(Unreadable("$version is not a version"))?;
    }
    let attributes: BTreeMap<&str, &str> = match member(&object, KEYS_MEMBER) {
        Some(keys) if keys.starts_with('{') => json::read::members(keys)
            .map(|(name, value)| (&keys[name], &keys[value]))
            .collect(),
        Some(_) => return Err(Unreadable("$keys is not an object")),
        None => BTreeMap::new(),
    };
    for (name, value) in json::read::members(&object) {
        let key = json::unescape(&object[name.clone()]).ok_or(Unreadable("a key of the document is broken"))?;
        if key.starts_with('$') {
            continue;
        }
        let mut record = Record::new(object[value].into(), sealed_at, document.version);
        if let Some(attributes) = attributes.get(&object[name]) {
            describe(&mut record, attributes, document.version)?;
        }
        document.append(key, record);
    }
    Ok(document)
}

/// Sets what `$keys` says of a key.
fn describe(record: &mut Record, attributes: &str, newest: u64) -> Result<(), Unreadable> {
    if !attributes.starts_with('{') {
        return Err(Unreadable("a member of $keys is not an object"));
    }
    if let Some(version) = member(attributes, "\"version\"") {
        let version = whole(version).filter(|&version| version <= newest);
        record.version = version.ok_or(Unreadable("a key's version in $keys is none up to $version"))?;
    }
    record.created_at = time(attributes, "\"created_at\"")?.unwrap_or(record.created_at);
    record.updated_at = time(attributes, "\"updated_at\"")?.unwrap_or(record.updated_at);
    record.expires_at = time(attributes, "\"expires_at\"")?;
    Ok(())
}

fn time(attributes: &str, name: &str) -> Result<Option<TimestampMs>, Unreadable> {
    match member(attributes, name) {
        None | Some("null") => Ok(None),
        Some(value) => json::time::floor_milliseconds(value)
            .and_then(|time| TimestampMs::try_from(time).ok())
            .map(Some)
            .ok_or(Unreadable("a time in $keys is not RFC 3339 text or seconds since 1970")),
    }
}

fn member<'a>(object: &'a str, name: &str) -> Option<&'a str> {
    json::read::member(object, name).map(|value| &object[value])
}

/// A count that callers can name: in 64 bits with a sign.
fn whole(number: &str) -> Option<u64> {
    let number = number.parse::<i64>().ok()?;
    u64::try_from(number).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEALED_AT: TimestampMs = 1_700_000_000_000;

    fn read(text: &str) -> Result<Document, Unreadable> {
        Document::decode(text.as_bytes().to_vec(), SEALED_AT)
    }

    #[test]
    fn keys_values_order_and_version_survive() {
        let document = read(r#"{"k": {"é": [1, 2.0, null]}, "a\n\u0001\"": "x\ty", "$version": 7}"#).unwrap();
        assert_eq!(document.version, 7);
        assert_eq!(document.keys().collect::<Vec<_>>(), ["k", "a\n\u{1}\""]);
        assert_eq!(document.value(0), r#"{"é":[1,2.0,null]}"#);
        assert_eq!(document.value(1), r#""x\ty""#);
        assert_eq!(document.record(0).created_at, SEALED_AT);
    }

    #[test]
    fn the_first_write_makes_it_ours() {
        let document = read(r#"{"k": 1, "$version": 3}"#).unwrap();
        let ours = Document::decode(document.encode(), 0).unwrap();
        assert_eq!((ours.version, ours.value(0)), (3, "1"));
    }

    #[test]
    fn a_missing_version_reads_as_zero() {
        assert_eq!(read(r#"{"k": 1}"#).unwrap().version, 0);
        assert_eq!(read("{}").unwrap().len(), 0);
    }

    #[test]
    fn what_is_known_of_keys_survives() {
        let document = read(
            r#"{"$version": 7, "$keys": {"b": {"version": 5, "created_at": "2023-11-14T22:13:20.123+00:00",
                "updated_at": 1700000001, "expires_at": "2033-05-18T03:33:20Z"}, "c": {"expires_at": null}},
                "a": 1, "b": 2, "c": 3}"#,
        )
        .unwrap();
        let of = |place| {
            let record = document.record(place);
            (record.version, record.created_at, record.updated_at, record.expires_at)
        };
        assert_eq!(of(0), (7, SEALED_AT, SEALED_AT, None));
        assert_eq!(
            of(1),
            (5, 1_700_000_000_123, 1_700_000_001_000, Some(2_000_000_000_000))
        );
        assert_eq!(of(2), (7, SEALED_AT, SEALED_AT, None));
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "{",
            "{\"a\": 1} x",
            "{\"$version\": -1}",
            "{\"$version\": \"1\"}",
            "",
            "[1]",
            r#"{"a": 1, "$keys": []}"#,
            r#"{"a": 1, "$keys": {"a": 1}}"#,
            r#"{"a": 1, "$keys": {"a": {"version": 1}}}"#,
            r#"{"a": 1, "$version": 1, "$keys": {"a": {"version": -1}}}"#,
            r#"{"a": 1, "$keys": {"a": {"created_at": "yesterday"}}}"#,
            r#"{"a": 1, "$keys": {"a": {"expires_at": -1}}}"#,
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
