//! States in the clear: what a session lists, as a document to compare and as JSON to keep.
//!
//! The clear form is one JSON object: the keys with their values, then `$version` and `$keys`, which hold what else is known.
//! Key names cannot begin with `$`. The engine reads it like any other document.

use std::fmt::Write as _;

use crate::diff::{Attributes, Document, Entry};
use crate::engine::types::{ListOperation, Operation, Outcome, Reply, Request};

/// The request whose reply holds everything that [`document`] needs.
pub fn listing() -> Request {
    Request::of(vec![Operation::ListKeys(ListOperation {
        prefix: String::new(),
        limit: None,
        cursor: None,
        values: true,
    })])
}

/// The state that the reply to [`listing`] shows; none if the reply is to something else.
pub fn document(reply: &Reply) -> Option<Document> {
    let Some(Outcome::Keys(page)) = reply.outcomes.first() else {
        return None;
    };
    let entries = page.keys.iter().map(|listed| {
        let attributes = &listed.attributes;
        Some(Entry {
            key: listed.key.clone(),
            value: listed.value.clone()?,
            attributes: Some(Attributes {
                version: attributes.key_version,
                size_bytes: attributes.size_bytes,
                created_at: attributes.created_at,
                updated_at: attributes.updated_at,
                expires_at: attributes.expires_at,
            }),
        })
    });
    Some(Document {
        version: Some(reply.version),
        size_bytes: Some(reply.size_bytes),
        entries: entries.collect::<Option<_>>()?,
    })
}

/// The clear form of a document, a line for each key, the last line ended. Equal documents give equal texts.
pub fn json(document: &Document) -> String {
    let mut text = String::from("{\n");
    for entry in &document.entries {
        // Writing to a string does not fail.
        let _ = writeln!(text, "  {}: {},", string(&entry.key), entry.value);
    }
    let _ = write!(
        text,
        "  \"$version\": {},\n  \"$keys\": {{",
        document.version.unwrap_or(0)
    );
    let described = document
        .entries
        .iter()
        .filter_map(|entry| Some((&entry.key, entry.attributes?)));
    for (place, (key, attributes)) in described.enumerate() {
        let comma = if place == 0 { "" } else { "," };
        let _ = write!(
            text,
            "{comma}\n    {}: {{\"version\": {}, \"created_at\": {}, \"updated_at\": {}, \"expires_at\": {}}}",
            string(key),
            attributes.version,
            time(attributes.created_at),
            time(attributes.updated_at),
            attributes.expires_at.map_or_else(|| "null".to_string(), time)
        );
    }
    text.push_str(if document.entries.is_empty() {
        "}\n}\n"
    } else {
        "\n  }\n}\n"
    });
    text
}

fn string(text: &str) -> String {
    // Strings always serialize.
    serde_json::to_string(text).unwrap_or_default()
}

/// RFC 3339 text to the millisecond. Later than a calendar goes, it is the last time that there is.
fn time(timestamp_ms: u64) -> String {
    let milliseconds = i64::try_from(timestamp_ms).unwrap_or(i64::MAX);
    let time = jiff::Timestamp::from_millisecond(milliseconds).unwrap_or(jiff::Timestamp::MAX);
    string(&time.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clear_form_is_json_with_the_digits_that_were_sent() {
        let document = Document {
            version: Some(3),
            size_bytes: None,
            entries: vec![Entry {
                key: "a\"b".to_string(),
                value: "[1.0,10000000000000000000000]".to_string(),
                attributes: Some(Attributes {
                    version: 2,
                    size_bytes: 1,
                    created_at: 0,
                    updated_at: 1_700_000_000_123,
                    expires_at: None,
                }),
            }],
        };
        let expected = r#"{
  "a\"b": [1.0,10000000000000000000000],
  "$version": 3,
  "$keys": {
    "a\"b": {"version": 2, "created_at": "1970-01-01T00:00:00.000Z", "updated_at": "2023-11-14T22:13:20.123Z", "expires_at": null}
  }
}
"#;
        assert_eq!(json(&document), expected);
        assert_eq!(
            json(&Document::default()),
            "{\n  \"$version\": 0,\n  \"$keys\": {}\n}\n"
        );
    }
}
