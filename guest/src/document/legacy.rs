//! What the Python service stored: one JSON object with the user's keys and `$version`.

use alloc::string::String;
use alloc::vec::Vec;

use super::{Document, Record, Unreadable};
use crate::json;
use crate::model::TimestampMs;

const VERSION_MEMBER: &str = "\"$version\"";

/// Reads such an object. It says nothing about times, so all of them are `sealed_at`.
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
    if let Some(version) = json::read::member(&object, VERSION_MEMBER) {
        document.version = object[version]
            .parse::<i64>()
            .ok()
            .and_then(|version| u64::try_from(version).ok())
            .ok_or(Unreadable("$version is not a version"))?;
    }
    for (name, value) in json::read::members(&object) {
        let key = json::unescape(&object[name]).ok_or(Unreadable("a key of the document is broken"))?;
        if key.starts_with('$') {
            continue;
        }
        let record = Record::new(object[value].into(), sealed_at, document.version);
        document.append(key, record);
    }
    Ok(document)
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
    fn anything_else_is_refused() {
        for text in [
            "{",
            "{\"a\": 1} x",
            "{\"$version\": -1}",
            "{\"$version\": \"1\"}",
            "",
            "[1]",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
