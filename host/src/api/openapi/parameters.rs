//! Parameters that several operations take.

use serde_json::{Value, json};
use utoipa::openapi::Required;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};

use super::schema::{Schema, any_of, integer, named, pattern, string, word};
use crate::api::extract::MAX_IDEMPOTENCY_KEY_CHARS;

/// A list of tags of RFC 9110.
const TAGS: &str = r#"^(?:W/)?"[!#-~]*"(?: *, *(?:W/)?"[!#-~]*")*$"#;

/// The key, in the path.
pub(in crate::api) fn key() -> Parameter {
    in_path(
        "key",
        "The key: one segment of the path, percent-encoded once. `a%2Flen` is the key `a/len`.",
        named("Key"),
        "runs",
    )
}

/// A parameter of the path.
pub(in crate::api) fn in_path(name: &str, description: &str, schema: Schema, example: &str) -> Parameter {
    parameter(ParameterIn::Path, name, description, schema, Some(json!(example)))
}

/// A parameter of the query.
pub(in crate::api) fn query(
    name: &str,
    description: &str,
    schema: impl Into<Schema>,
    example: impl Into<Option<Value>>,
) -> Parameter {
    parameter(ParameterIn::Query, name, description, schema, example.into())
}

/// A flag of the query.
pub(in crate::api) fn flag(name: &str, description: &str) -> Parameter {
    query(name, description, named("Flag"), json!(true))
}

/// A path into the value, in the query.
pub(in crate::api) fn path(description: &str) -> Parameter {
    query("path", description, named("Path"), json!("who.name"))
}

/// What every call takes.
pub(super) fn of_every_call() -> Vec<Parameter> {
    vec![header(
        "X-Request-Id",
        "An id for the request, which is in the answer and in the log. Other than up to 64 letters, digits and `-_.:` \
         is replaced.",
        string(""),
        json!("run-7.3"),
    )]
}

/// The version that the state must have.
pub(in crate::api) fn if_version() -> Parameter {
    query(
        "if_version",
        "Go ahead only if the state has this version; 0 if it was never written.",
        version(integer("")),
        json!(7),
    )
}

/// What every write on one key takes.
pub(super) fn of_key_write() -> Vec<Parameter> {
    vec![
        key(),
        if_version(),
        query(
            "if_key_version",
            "Go ahead only if the key has this version; 0 if it must not exist.",
            version(integer("").minimum(Some(0))),
            json!(7),
        ),
        header(
            "If-Match",
            "Go ahead only if the key has one of these tags, or exists at all (`*`). A weak tag never matches.",
            tags(),
            json!("\"7\""),
        ),
        header(
            "If-None-Match",
            "`*`: go ahead only if the key does not exist.",
            word(["*"]),
            json!("*"),
        ),
        idempotency_key(),
    ]
}

/// What reading a key takes.
pub(in crate::api) fn conditional_read() -> Vec<Parameter> {
    vec![
        header(
            "If-None-Match",
            "Answer 304 without a body if the key has one of these tags: the caller has the value already.",
            tags(),
            json!("\"7\""),
        ),
        header(
            "If-Match",
            "Answer 412 unless the key has one of these tags.",
            tags(),
            json!("\"7\""),
        ),
    ]
}

/// `Idempotency-Key`.
pub(in crate::api) fn idempotency_key() -> Parameter {
    let longest = MAX_IDEMPOTENCY_KEY_CHARS;
    let shorter = longest - 1;
    header(
        "Idempotency-Key",
        "A text that stands for this very request. If the same request was accepted with it within the last 24 hours, \
         nothing is done and the first answer comes again; so a write whose answer got lost can be sent again. In \
         quotes or not.",
        pattern(
            &format!("^(?:[!#-~][!-~]{{0,{shorter}}}|\"[!-~]{{1,{longest}}}\")$"),
            "",
        ),
        json!("run-7/step-1"),
    )
}

/// How long a key is to live, in the query.
pub(in crate::api) fn lifetime() -> Vec<Parameter> {
    vec![
        query("ex", "Seconds that the key is to live.", named("Seconds"), json!(3600)),
        query(
            "px",
            "Milliseconds that the key is to live.",
            named("Milliseconds"),
            json!(90_000),
        ),
        query(
            "exat",
            "When the key is to end, in seconds since 1970.",
            named("UnixTime"),
            json!(4_102_444_800_u64),
        ),
        flag(
            "keepttl",
            "The key is to live as long as it was to live anyway. One of the four at most.",
        ),
    ]
}

/// A version in a query.
fn version(integer: utoipa::openapi::ObjectBuilder) -> Schema {
    any_of(
        "",
        [
            integer.into(),
            pattern("^[+]?[0-9]+(?:[.]0+)?$", "The same, spelled otherwise.").into(),
        ],
    )
}

/// The words for a flag, in any case.
pub(super) const FLAG: &str = "^(?:[Tt][Rr][Uu][Ee]|[Ff][Aa][Ll][Ss][Ee]|[Yy][Ee][Ss]|[Nn][Oo]|[Oo][Nn]|[Oo][Ff][Ff]\
                               |[01TtFfYyNn])$";

/// A list of tags, or `*`.
fn tags() -> Schema {
    any_of("", [word(["*"]).into(), pattern(TAGS, "").into()])
}

fn header(name: &str, description: &str, schema: impl Into<Schema>, example: Value) -> Parameter {
    parameter(ParameterIn::Header, name, description, schema, Some(example))
}

/// A parameter; only those of the path must be there.
fn parameter(
    place: ParameterIn,
    name: &str,
    description: &str,
    schema: impl Into<Schema>,
    example: Option<Value>,
) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(place)
        .required(Required::False)
        .description(Some(description))
        .schema(Some(schema))
        .example(example)
        .build()
}
