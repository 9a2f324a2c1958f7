//! Documents of the Python service.

use crate::support::*;
use automation_kv_engine::model::{Attributes, Entry, Outcome};

const STORED: &str = r#"{"b": {"x": [1, 2.0, null]}, "$version": 41, "a": "\u00e9", "$other": 1}"#;

#[test]
fn keys_values_and_version_are_read_and_names_with_a_dollar_are_not_keys() {
    let mut session = open(STORED.as_bytes(), 0);
    assert_eq!(keys(&mut session), ["b", "a"]);
    assert_eq!(value(&mut session, "b"), r#"{"x":[1,2.0,null]}"#);
    assert_eq!(value(&mut session, "a"), "\"é\"");
}

#[test]
fn their_keys_are_as_old_as_the_seal() {
    let mut session = open(STORED.as_bytes(), 0);
    let entry = Entry {
        value: "\"é\"".to_owned(),
        attributes: Attributes {
            size_bytes: 9,
            key_version: 41,
            created_at: SEALED_AT,
            updated_at: SEALED_AT,
            expires_at: None,
        },
    };
    assert_eq!(accept(&mut session, [get("a")]).outcomes, [Outcome::Value(entry)]);
}

#[test]
fn reading_leaves_them_as_they_are() {
    let mut session = open(STORED.as_bytes(), 0);
    assert_eq!(accept(&mut session, [get("a"), delete("missing")]).version, 41);
    assert!(session.changed().is_none());
}

#[test]
fn the_next_write_makes_them_ours_and_counts_on() {
    let mut session = open(STORED.as_bytes(), 0);
    assert_eq!(session.execute(request([set("c", "3")], Some(41))).unwrap().version, 42);
    let bytes = session.changed().unwrap().encode();
    assert_eq!(bytes[0], 2);
    let mut session = open(&bytes, 0);
    assert_eq!(keys(&mut session), ["b", "a", "c"]);
    assert_eq!(value(&mut session, "b"), r#"{"x":[1,2.0,null]}"#);
    assert_eq!(accept(&mut session, [get("a")]).version, 42);
}

#[test]
fn a_missing_version_is_zero() {
    assert_eq!(accept(&mut open(b"{\"a\": 1}", 0), [set("a", "2")]).version, 1);
}

#[test]
fn their_size_is_that_of_the_compact_text_without_names_of_the_system() {
    // {"a":1} is seven bytes.
    let mut session = open(b"{\"a\": 1, \"$version\": 1}", 13);
    accept(&mut session, [set("b", "2")]);
    let rejection = refuse(&mut session, [set("b", "22")]);
    assert_eq!(rejection, whole(too_large("b", 13, 14, 13)));
}
