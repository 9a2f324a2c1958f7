//! The headers of answers.

use utoipa::openapi::{Header, ObjectBuilder, ResponseBuilder};

use super::schema::{at_least, pattern, string, word};

pub(in crate::api) const ETAG: &str = "ETag";
pub(in crate::api) const IDEMPOTENCY_REPLAYED: &str = "Idempotency-Replayed";
pub(in crate::api) const RETRY_AFTER: &str = "Retry-After";
pub(in crate::api) const WWW_AUTHENTICATE: &str = "WWW-Authenticate";

/// What every answer carries.
const ALWAYS: [&str; 2] = ["X-Request-Id", "Access-Control-Allow-Origin"];

/// Adds headers by their names, and those of every answer.
pub(super) fn with(response: ResponseBuilder, names: impl IntoIterator<Item = &'static str>) -> ResponseBuilder {
    names
        .into_iter()
        .chain(ALWAYS)
        .fold(response, |response, name| response.header(name, header(name)))
}

fn header(name: &str) -> Header {
    let (schema, description): (ObjectBuilder, &str) = match name {
        ETAG => (
            pattern(r#"^"[0-9]+"$"#, ""),
            "The key's version in quotes, for `If-Match` and `If-None-Match`. A write tells it where the key exists \
             and was surely written.",
        ),
        IDEMPOTENCY_REPLAYED => (
            word(["true"]),
            "There if this is the answer that the same request got before.",
        ),
        RETRY_AFTER => (
            at_least(1, ""),
            "After how many seconds to try again, or to read again and decide again.",
        ),
        WWW_AUTHENTICATE => (word(["Bearer"]), "The scheme that `Authorization` needs."),
        "Access-Control-Allow-Origin" => (word(["*"]), "Pages of every origin may call."),
        _ => (
            string("").min_length(Some(1)).max_length(Some(64)),
            "The request's id, which is in the log too: the one that it came with, or a new one.",
        ),
    };
    let mut header = Header::new(schema);
    header.description = Some(description.to_string());
    header
}
