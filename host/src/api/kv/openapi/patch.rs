//! `PATCH /v1/kv/{key}`

use utoipa::openapi::Required;
use utoipa::openapi::path::HttpMethod;

use super::of_key;
use crate::api::kv::patch::MAX_STEPS;
use crate::api::openapi::refusals::{
    GROWTH, KEY_NOT_FOUND, MALFORMED_PATH, PATH_NOT_FOUND, TEST_FAILED, TYPE_MISMATCH,
};
use crate::api::openapi::schema::{
    Member, Schema, anything, boolean, closed, integer, list, may, must, named, natural, object, one_of, string, word,
};
use crate::api::openapi::{Answer, ETAG, IDEMPOTENCY_REPLAYED, JSON, Operation, flag};

/// Changes parts of a value.
pub(super) fn patch() -> Operation {
    Operation::key_write(HttpMethod::Patch, "patchValue", "Change parts of a value")
        .tagged("Values")
        .text(
            "Sets one member (`path`, `value`), carries out steps (`operations`), or does what a JSON Patch (RFC \
             6902) or a JSON Merge Patch (RFC 7396) says, by the body's type; any other type is as \
             `application/json`. All steps of one request happen, or none.\n\n\
             Setting one member makes objects that are missing on the way, and enters no lists. The paths of steps \
             enter lists too.",
        )
        .takes([flag("create", "Make a key that does not exist, from `{}`.")])
        .bodies(
            Required::True,
            [
                (JSON, steps_or_member(), JSON_EXAMPLES),
                ("application/json-patch+json", json_patch(), JSON_PATCH_EXAMPLES),
                (
                    "application/merge-patch+json",
                    anything("What is to be merged into the whole value; other than an object takes its place.").into(),
                    &[("merge", r#"{"log":null,"limit":20}"#)],
                ),
            ],
        )
        .answers(
            200,
            Answer::json("The value is changed.", answer(), ANSWER_EXAMPLES).carries([ETAG, IDEMPOTENCY_REPLAYED]),
        )
        .refuses(&[
            &KEY_NOT_FOUND,
            &PATH_NOT_FOUND,
            &MALFORMED_PATH,
            &TYPE_MISMATCH,
            &TEST_FAILED,
        ])
        .refuses(&GROWTH)
}

const JSON_EXAMPLES: &[(&str, &str)] = &[
    ("member", r#"{"path":"who.role","value":"admin"}"#),
    (
        "steps",
        r#"{"operations":[{"op":"append","path":"log","value":"ok"},{"op":"incr","path":"runs"},
            {"op":"remove","path":"who.role"}]}"#,
    ),
];

const JSON_PATCH_EXAMPLES: &[(&str, &str)] = &[(
    "patch",
    r#"[{"op":"test","path":"/limit","value":10},{"op":"add","path":"/log/0","value":"new"}]"#,
)];

const ANSWER_EXAMPLES: &[(&str, &str)] = &[
    (
        "member",
        r#"{"key":"config","path":"who.role","value":"admin","version":8}"#,
    ),
    (
        "steps",
        r#"{"key":"config","results":[{"op":"append","path":"log","length":1},{"op":"incr","path":"runs","value":1},
            {"op":"remove","path":"who.role","removed":true}],"version":9}"#,
    ),
    (
        "patch",
        r#"{"key":"config","results":[{"op":"test","path":"/limit"},{"op":"add","path":"/log/0"}],"version":10}"#,
    ),
    ("merge", r#"{"key":"config","version":11}"#),
];

/// The members for setting one member.
pub(super) fn member() -> [Member; 2] {
    [must("path", named("Path")), must("value", named("Value"))]
}

/// The member for carrying out steps.
pub(super) fn steps() -> Member {
    let steps = list(named("Step"), "What to do, each on what the one before it left.");
    must("operations", steps.min_items(Some(1)).max_items(Some(MAX_STEPS)))
}

/// One of our own steps.
pub(super) fn step() -> Schema {
    let step = |name, members: Vec<Member>| {
        let op = must("op", word([name]));
        Schema::from(closed([op].into_iter().chain(members)))
    };
    let placed = || vec![must("path", named("Path")), must("value", named("Value"))];
    one_of(
        "A step: `set` puts a value there; `remove` takes something out if it is there; `append` adds an item at the \
         end of a list, an absent one is made; `incr` adds to an integer, what is absent counts from 0; `merge` sets \
         the members of an object in another, `null` removes (RFC 7396), without `path` in the whole value.",
        [
            step("set", placed()),
            step("remove", vec![must("path", named("Path"))]),
            step("append", placed()),
            step("incr", vec![must("path", named("Path")), may("by", named("By"))]),
            step("merge", vec![may("path", named("Path")), must("value", named("Value"))]),
        ],
    )
}

/// What came of a step.
pub(super) fn step_result() -> Schema {
    object([
        must("op", string("What was to be done.")),
        may("path", string("Where, as it was sent.")),
        may("removed", boolean("Whether there was anything to remove.")),
        may("value", integer("The counter's new value.")),
        may("length", natural("The list's new length.")),
    ])
    .description(Some("What came of a step."))
    .into()
}

/// An operation of a JSON Patch. Members that it does not have are ignored, as RFC 6902 wants it.
pub(super) fn json_patch_operation() -> Schema {
    let operation = |names: &[&'static str], further| {
        let members = [
            must("op", word(names.iter().copied())),
            must("path", named("JsonPointer")),
        ];
        Schema::from(object(members.into_iter().chain(further)))
    };
    one_of(
        "An operation of RFC 6902.",
        [
            operation(&["add", "replace", "test"], Some(must("value", named("Value")))),
            operation(&["remove"], None),
            operation(&["move", "copy"], Some(must("from", named("JsonPointer")))),
        ],
    )
}

fn steps_or_member() -> Schema {
    one_of(
        "One member to set, or steps.",
        [closed(member()).into(), closed([steps()]).into()],
    )
}

fn json_patch() -> Schema {
    list(named("JsonPatchOperation"), "A JSON Patch.")
        .min_items(Some(1))
        .max_items(Some(MAX_STEPS))
        .into()
}

fn answer() -> Schema {
    of_key([
        may("path", string("The path of the member that was set.")),
        may("value", named("Value")),
        may("results", list(named("StepResult"), "One for each step or operation.")),
    ])
}
