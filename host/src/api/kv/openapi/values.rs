//! `GET`, `PUT` and `DELETE /v1/kv/{key}`

use serde_json::json;
use utoipa::openapi::path::HttpMethod;

use super::list_keys::attributes;
use super::{of_key, patch};
use crate::api::openapi::refusals::{
    GROWTH, KEY_EXISTS, KEY_NOT_EXISTS, KEY_NOT_FOUND, MALFORMED_PATH, NX_AND_XX, PATH_NOT_FOUND, PRECONDITION_FAILED,
    TYPE_MISMATCH,
};
use crate::api::openapi::schema::{any_of, boolean, may, must, named, string, time, word};
use crate::api::openapi::{
    Answer, ETAG, IDEMPOTENCY_REPLAYED, Operation, conditional_read, flag, lifetime, path, query,
};

/// What can be done with the value of a key.
pub(in crate::api::kv) fn key() -> Vec<Operation> {
    vec![get(), put(), patch::patch(), delete()]
}

fn get() -> Operation {
    let mut members = vec![
        may("path", string("The path that was asked for.")),
        must("value", named("Value")),
    ];
    members.extend(attributes().map(|(name, schema)| may(name, schema)));
    Operation::key_read("getValue", "Read a value")
        .tagged("Values")
        .text("Reads a value, or the part of it that `path` names. `meta` tells what is known of the key too.")
        .takes([
            query(
                "path",
                "A path into the value; empty is none.",
                any_of("", [named("Path"), word([""]).into()]),
                json!("who.name"),
            ),
            flag(
                "meta",
                "Tell when the key was written, how long it lives, how large it is. Without effect with `path`.",
            ),
        ])
        .takes(conditional_read())
        .answers(
            200,
            Answer::json(
                "The value.",
                of_key(members),
                &[
                    (
                        "value",
                        r#"{"key":"config","value":{"limit":20,"who":{"name":"Ada"}},"version":3}"#,
                    ),
                    (
                        "path",
                        r#"{"key":"config","path":"who.name","value":"Ada","version":3}"#,
                    ),
                    (
                        "meta",
                        r#"{"key":"config","value":{"limit":20},"created_at":"2026-11-25T23:12:20.092+00:00",
                            "updated_at":"2026-11-25T23:12:20.325+00:00","expires_at":null,"ttl_ms":null,
                            "size_bytes":43,"key_version":2,"version":3}"#,
                    ),
                ],
            )
            .carries([ETAG]),
        )
        .answers(
            304,
            Answer::empty("The caller has the value already, says `If-None-Match`.").carries([ETAG]),
        )
        .refuses(&[&KEY_NOT_FOUND, &PATH_NOT_FOUND, &MALFORMED_PATH, &PRECONDITION_FAILED])
}

fn put() -> Operation {
    let answer = |description, example| {
        let schema = of_key([
            must("value", named("Value")),
            must("created", boolean("Whether the key is new.")),
            must("updated_at", time("When it was written.")),
            may("expires_at", time("When the key ends, if it does.")),
        ]);
        Answer::json(description, schema, &[("stored", example)])
            .carries([ETAG, IDEMPOTENCY_REPLAYED])
            .leads_to(["getValue", "deleteKey"])
    };
    Operation::key_write(HttpMethod::Put, "putValue", "Write a value")
        .tagged("Values")
        .text(
            "Stores the body, any JSON, under the key. It lives for ever unless `ex`, `px`, `exat` or `keepttl` says \
             otherwise; at most one of them may be given. `nx` makes a lock of a key: of many that try at once, one \
             wins.",
        )
        .takes([
            flag("nx", "Only if the key does not exist. Not together with `xx`."),
            flag("xx", "Only if the key exists."),
        ])
        .takes(lifetime())
        .body(
            named("Value"),
            &[
                ("object", r#"{"limit":20,"who":{"name":"Ada"}}"#),
                ("string", r#""run-1""#),
                ("number", "18"),
            ],
        )
        .answers(
            200,
            answer(
                "The key was there, and has this value now.",
                r#"{"key":"config","value":{"limit":20},"created":false,
                    "updated_at":"2026-11-25T23:12:20.608+00:00","version":4}"#,
            ),
        )
        .answers(
            201,
            answer(
                "The key was made.",
                r#"{"key":"lock","value":"run-1","created":true,"updated_at":"2026-11-25T23:12:20.698+00:00",
                    "expires_at":"2026-11-26T00:12:20.698+00:00","version":5}"#,
            ),
        )
        .refuses(&[&NX_AND_XX, &KEY_EXISTS, &KEY_NOT_EXISTS])
        .refuses(&GROWTH)
}

fn delete() -> Operation {
    let schema = of_key([
        may("path", string("The path that was given.")),
        must("deleted", boolean("Whether there was anything to delete.")),
    ]);
    Operation::key_write(HttpMethod::Delete, "deleteKey", "Delete a key")
        .tagged("Values")
        .text(
            "Removes a key, or only what `path` names in its value; taking an item out of a list moves those behind \
             it. There being nothing is a success and no write.",
        )
        .takes([path("What to remove of the value; the key itself unless given.")])
        .answers(
            200,
            Answer::json(
                "It is gone.",
                schema,
                &[
                    ("deleted", r#"{"key":"lock","deleted":true,"version":12}"#),
                    ("nothing", r#"{"key":"lock","deleted":false,"version":12}"#),
                    ("path", r#"{"key":"config","path":"runs","deleted":true,"version":13}"#),
                ],
            )
            .carries([ETAG, IDEMPOTENCY_REPLAYED]),
        )
        .refuses(&[&MALFORMED_PATH, &PATH_NOT_FOUND, &TYPE_MISMATCH])
}
