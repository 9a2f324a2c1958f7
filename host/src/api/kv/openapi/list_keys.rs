//! `GET /v1/kv`

use serde_json::json;
use utoipa::openapi::Type;

use super::version;
use crate::api::kv::list_keys::MAX_LIMIT;
use crate::api::openapi::schema::{
    Schema, list, may, must, named, natural, object, or_null, string, time, time_or_null, within,
};
use crate::api::openapi::{Answer, Operation, flag, query};

/// `GET` of the state itself.
pub(in crate::api::kv) fn list_keys() -> Vec<Operation> {
    let operation = Operation::read("listKeys", "List keys")
        .tagged("Values")
        .text(
            "Names keys in the order in which they were made: all of them, or page by page with `limit` and `cursor`. \
             A page is a moment's, all pages together are not: keys that are made or deleted while somebody pages hide \
             no other key and show none twice.",
        )
        .takes([
            query("prefix", "Only keys that start with this.", string(""), json!("job-")),
            query(
                "limit",
                "Keys in the answer, at most; all unless given.",
                within(1, u64::from(MAX_LIMIT), ""),
                json!(100),
            ),
            query(
                "cursor",
                "The `next_cursor` of the page before, with the same `prefix`.",
                string(""),
                None,
            ),
            flag(
                "values",
                "Tell the values too: in `values` by key, with `meta` in `entries`.",
            ),
            flag(
                "meta",
                "Tell the state's size, the room that is left, and what is known of each key.",
            ),
        ])
        .answers(
            200,
            Answer::json(
                "The keys.",
                answer(),
                &[
                    ("keys", r#"{"keys":["config","orders"],"count":2,"version":3}"#),
                    (
                        "values",
                        r#"{"keys":["config"],"count":1,"values":{"config":{"limit":20}},"version":3}"#,
                    ),
                    (
                        "meta",
                        r#"{"keys":["config"],"count":1,"next_cursor":"AAAAAAAAAAA8B0-UIaAAAAXmO8V5uS-mK",
                            "size_bytes":55,"limit_bytes":65536,"free_bytes":65481,
                            "entries":[{"key":"config","created_at":"2026-11-25T23:12:20.092+00:00",
                            "updated_at":"2026-11-25T23:12:20.325+00:00","expires_at":null,"ttl_ms":null,
                            "size_bytes":43,"key_version":2}],"version":3}"#,
                    ),
                ],
            ),
        );
    vec![operation]
}

/// A key under `meta`.
pub(super) fn entry() -> Schema {
    let mut members = vec![must("key", named("Key")), may("value", named("Value"))];
    members.extend(attributes().map(|(name, schema)| must(name, schema)));
    object(members)
        .description(Some("A key, and what is known of it."))
        .into()
}

/// What is known of a key beside its value.
pub(super) fn attributes() -> [(&'static str, Schema); 6] {
    [
        ("created_at", time("When the key was made.").into()),
        ("updated_at", time("When the key was written last.").into()),
        (
            "expires_at",
            time_or_null("When the key ends; `null` if it lives for ever.").into(),
        ),
        (
            "ttl_ms",
            or_null(natural("Milliseconds that are left of its life."), Type::Integer).into(),
        ),
        (
            "size_bytes",
            natural("What key and value take of the state's size.").into(),
        ),
        (
            "key_version",
            natural("The key's version, fit for `if_key_version`.").into(),
        ),
    ]
}

fn answer() -> Schema {
    let room = |description| or_null(natural(description), Type::Integer);
    object([
        must("keys", list(named("Key"), "The keys, oldest first.")),
        must("count", natural("How many there are in this answer.")),
        may(
            "next_cursor",
            or_null(
                string("What the next page needs as `cursor`; `null` on the last one. Only with `limit` or `cursor`."),
                Type::String,
            ),
        ),
        may("values", object([]).description(Some("The values by their keys."))),
        may("size_bytes", natural("The state's size, as compact JSON in UTF-8.")),
        may("limit_bytes", room("The state's limit; `null` if there is none.")),
        may("free_bytes", room("What is left of it; `null` if there is no limit.")),
        may("entries", list(named("Entry"), "What is known of each key.")),
        version(),
    ])
    .into()
}
