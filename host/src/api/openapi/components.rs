//! The schemas that all of the API has in common.

use serde_json::json;
use utoipa::openapi::{ObjectBuilder, Type};

use super::parameters::FLAG;
use super::schema::{Schema, any_of, anything, boolean, integer, pattern, within};
use super::{MAX_KEY_CHARS, MAX_PATH_SEGMENTS, errors};
use crate::api::expiry::{LATEST_MS, MAX_LIFETIME_MS};
use crate::api::{automations, kv, plugins};

/// White space as Unicode has it, but for control characters.
const WHITE: &str = r" \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000";

/// The characters that no key has.
const CONTROLS: &str = r"\u0000-\u001f\u007f";

/// All schemas with a name.
pub(super) fn schemas() -> Vec<(&'static str, Schema)> {
    let mut schemas: Vec<(&str, Schema)> = vec![
        ("Error", errors::error_schema()),
        ("Problem", errors::problem_schema()),
        ("Key", key().into()),
        ("Value", value().into()),
        ("Path", path().into()),
        ("JsonPointer", pointer().into()),
        ("Flag", flag()),
        ("Yes", yes()),
        ("By", by()),
        (
            "Index",
            integer("An item of a list; the first one is 0, the last one is -1.").into(),
        ),
        ("Seconds", within(1, MAX_LIFETIME_MS / 1000, "Seconds from now.").into()),
        (
            "Milliseconds",
            within(1, MAX_LIFETIME_MS, "Milliseconds from now.").into(),
        ),
        (
            "UnixTime",
            within(
                1,
                LATEST_MS / 1000,
                "A time in seconds since 1970; in the past means at once.",
            )
            .into(),
        ),
        ("Age", age().into()),
    ];
    schemas.extend(kv::schemas());
    schemas.extend(automations::schemas());
    schemas.extend(plugins::schemas());
    schemas
}

fn key() -> ObjectBuilder {
    let pattern = format!("^(?:[^${WHITE}{CONTROLS}][^{CONTROLS}]*|[{WHITE}]+[^{WHITE}{CONTROLS}][^{CONTROLS}]*)$");
    super::schema::pattern(
        &pattern,
        "1 to 255 characters, not only white space, no `$` at the start, no control characters.",
    )
    .min_length(Some(1))
    .max_length(Some(MAX_KEY_CHARS))
    .examples([json!("runs")])
}

fn value() -> ObjectBuilder {
    anything(
        "Any JSON, at most 32 levels deep. It comes back compact, with members in the order in which they were sent \
         and each number with its digits: read numbers with a parser that keeps what you need of them.",
    )
}

fn path() -> ObjectBuilder {
    let bracketed = r#"\[(?:"[^"]*"|'[^']*'|[^\]"'][^\]]*|)\]"#;
    let segment = format!(r"(?:[^.\[\]]+|{bracketed})");
    let most = MAX_PATH_SEGMENTS - 1;
    pattern(
        &format!(r"^\.*{segment}(?:{bracketed}|\.+{segment}){{0,{most}}}\.*$"),
        "Names with dots between them, and brackets with or without quotes: `a.b`, `a[\"my.key\"]`, `items[0]`, \
         `items.0`. At most 32 segments.",
    )
    .examples([json!("who.name"), json!("items[0]")])
}

fn pointer() -> ObjectBuilder {
    pattern(
        &format!("^(?:/(?:[^/~]|~[01])*){{0,{MAX_PATH_SEGMENTS}}}$"),
        "A JSON Pointer (RFC 6901). At most 32 segments.",
    )
    .examples([json!("/log/0")])
}

fn flag() -> Schema {
    any_of(
        "A flag.",
        [
            boolean("").into(),
            integer("").enum_values(Some([0, 1])).into(),
            pattern(FLAG, "The same in words, in any case.").into(),
        ],
    )
}

fn yes() -> Schema {
    any_of(
        "A flag that must be set.",
        [
            boolean("").enum_values(Some([true])).into(),
            integer("").enum_values(Some([1])).into(),
            pattern(
                "^(?:[Tt][Rr][Uu][Ee]|[Yy][Ee][Ss]|[Oo][Nn]|[1TtYy])$",
                "The same in words.",
            )
            .into(),
        ],
    )
}

fn by() -> Schema {
    any_of(
        "By how much; 1 unless given.",
        [
            integer("An integer of any size; `2.0` and `1e3` are integers too.").into(),
            pattern("^-?(?:0|[1-9][0-9]*)$", "The same as a text.").into(),
        ],
    )
}

fn age() -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::Number)
        .minimum(Some(0))
        .description(Some("Seconds ago, with a fraction if wanted."))
}
