//! `POST /v1/kv/{key}/expire` and `/persist`

use utoipa::openapi::Type;
use utoipa::openapi::path::HttpMethod;

use super::of_key;
use crate::api::openapi::refusals::KEY_NOT_FOUND;
use crate::api::openapi::schema::{Member, Schema, closed, must, named, one_of, or_null, time_or_null};
use crate::api::openapi::{Answer, ETAG, IDEMPOTENCY_REPLAYED, Operation};

/// Sets a key's time to live.
pub(in crate::api::kv) fn expire() -> Vec<Operation> {
    let operation = lifetime("expireKey", "Let a key end")
        .text("Says when the key stops to exist. From then on it is absent for every call.")
        .body(
            one_of("When.", expire_members().map(|member| closed([member]).into())),
            &[("hour", r#"{"ex":3600}"#), ("date", r#"{"exat":4102444800}"#)],
        );
    vec![operation]
}

/// Takes a key's time to live away.
pub(in crate::api::kv) fn persist() -> Vec<Operation> {
    let operation = lifetime("persistKey", "Let a key live for ever")
        .text("Takes away the time at which the key would stop to exist. The body may be left out.")
        .optional_body(or_null(closed([]), Type::Object).into(), &[("empty", "{}")]);
    vec![operation]
}

/// The three members, one of which says when.
pub(super) fn expire_members() -> [Member; 3] {
    [
        must("ex", named("Seconds")),
        must("px", named("Milliseconds")),
        must("exat", named("UnixTime")),
    ]
}

fn lifetime(id: &'static str, summary: &'static str) -> Operation {
    Operation::key_write(HttpMethod::Post, id, summary)
        .tagged("Time to live")
        .answers(
            200,
            Answer::json(
                "So it is. Setting what is set already is no write.",
                answer(),
                &[
                    (
                        "ends",
                        r#"{"key":"lock","expires_at":"2026-11-25T23:13:20.755+00:00","version":6}"#,
                    ),
                    ("lives", r#"{"key":"lock","expires_at":null,"version":7}"#),
                ],
            )
            .carries([ETAG, IDEMPOTENCY_REPLAYED]),
        )
        .refuses(&[&KEY_NOT_FOUND])
}

fn answer() -> Schema {
    of_key([must(
        "expires_at",
        time_or_null("When the key ends; `null` if it lives for ever."),
    )])
}
