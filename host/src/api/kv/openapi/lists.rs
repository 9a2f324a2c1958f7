//! `POST /v1/kv/{key}/lpush`, `/rpush`, `/lpop`, `/rpop` and `/trim`, `GET /v1/kv/{key}/len` and `/range`

use serde_json::json;
use utoipa::openapi::Type;
use utoipa::openapi::path::HttpMethod;

use super::{lifetime_members, of_key};
use crate::api::kv::action::MAX_COUNT;
use crate::api::openapi::refusals::{GROWTH, KEY_NOT_FOUND, TYPE_MISMATCH};
use crate::api::openapi::schema::{
    Member, Schema, closed, list, may, must, named, natural, or_null, with_one_of, within,
};
use crate::api::openapi::{Answer, ETAG, IDEMPOTENCY_REPLAYED, Operation, query};

const TAG: &str = "Lists";

/// Adds at the front.
pub(in crate::api::kv) fn lpush() -> Vec<Operation> {
    vec![push("pushFirst", "Add an item at the front of a list")]
}

/// Adds at the back.
pub(in crate::api::kv) fn rpush() -> Vec<Operation> {
    vec![push("pushLast", "Add an item at the back of a list")]
}

/// Takes from the front.
pub(in crate::api::kv) fn lpop() -> Vec<Operation> {
    vec![pop("popFirst", "Take from the front of a list")]
}

/// Takes from the back.
pub(in crate::api::kv) fn rpop() -> Vec<Operation> {
    vec![pop("popLast", "Take from the back of a list")]
}

/// Counts the items.
pub(in crate::api::kv) fn len() -> Vec<Operation> {
    let operation = Operation::key_read("countItems", "Count the items of a list")
        .tagged(TAG)
        .answers(200, Answer::json("Their number.", length(), LENGTH_EXAMPLES))
        .refuses(&[&KEY_NOT_FOUND, &TYPE_MISMATCH]);
    vec![operation]
}

/// Reads some items.
pub(in crate::api::kv) fn range() -> Vec<Operation> {
    let schema = of_key([
        must("values", list(named("Value"), "The items.")),
        must("count", natural("How many there are in this answer.")),
    ]);
    let operation = Operation::key_read("readRange", "Read items of a list")
        .tagged(TAG)
        .text("Reads the items from `start` to `stop`, both included. Ends beyond the list are its ends.")
        .takes([
            query("start", "The first item, 0 unless given.", named("Index"), json!(-10)),
            query("stop", "The last item, -1 unless given.", named("Index"), json!(-1)),
        ])
        .answers(
            200,
            Answer::json(
                "The items.",
                schema,
                &[(
                    "items",
                    r#"{"key":"last-errors","values":["timeout"],"count":1,"version":20}"#,
                )],
            ),
        )
        .refuses(&[&KEY_NOT_FOUND, &TYPE_MISMATCH]);
    vec![operation]
}

/// Drops all items but some.
pub(in crate::api::kv) fn trim() -> Vec<Operation> {
    let operation = Operation::key_write(HttpMethod::Post, "trimList", "Keep some items of a list")
        .tagged(TAG)
        .text("Keeps the items from `start` to `stop`, both included, and drops the others. Dropping none is no write.")
        .body(
            closed(trim_members()).into(),
            &[("last ten", r#"{"start":-10,"stop":-1}"#)],
        )
        .answers(
            200,
            Answer::json("Their number.", length(), LENGTH_EXAMPLES).carries([ETAG, IDEMPOTENCY_REPLAYED]),
        )
        .refuses(&[&KEY_NOT_FOUND, &TYPE_MISMATCH]);
    vec![operation]
}

const LENGTH_EXAMPLES: &[(&str, &str)] = &[("length", r#"{"key":"last-errors","length":1,"version":20}"#)];

/// The members of a push.
pub(super) fn push_members() -> Vec<Member> {
    let mut members = vec![
        must("value", named("Value")),
        may(
            "max_len",
            within(
                1,
                u64::MAX,
                "The most items to keep; what is more falls off the other end.",
            ),
        ),
    ];
    members.extend(lifetime_members());
    members
}

/// The members of a pop.
pub(super) fn pop_members() -> [Member; 1] {
    [may(
        "count",
        within(
            1,
            MAX_COUNT,
            "How many items to take; with it, the answer has `values`.",
        ),
    )]
}

/// The members of a trim.
pub(super) fn trim_members() -> [Member; 2] {
    [must("start", named("Index")), must("stop", named("Index"))]
}

/// The members of a range.
pub(super) fn range_members() -> [Member; 2] {
    [may("start", named("Index")), may("stop", named("Index"))]
}

fn push(id: &'static str, summary: &'static str) -> Operation {
    let body = with_one_of(closed(push_members()), &["ex", "px", "exat"]);
    Operation::key_write(HttpMethod::Post, id, summary)
        .tagged(TAG)
        .text(
            "Adds a value as one item, also if it is a list itself. A missing key makes the list. The list's time to \
             live stays as it was unless one of `ex`, `px` and `exat` is given.",
        )
        .body(
            body.into(),
            &[
                ("job", r#"{"value":{"job":1}}"#),
                ("capped", r#"{"value":"timeout","max_len":100,"ex":604800}"#),
            ],
        )
        .answers(
            200,
            Answer::json("The list's new length.", length(), LENGTH_EXAMPLES)
                .carries([ETAG, IDEMPOTENCY_REPLAYED])
                .leads_to(["popFirst", "popLast", "countItems", "readRange"]),
        )
        .refuses(&[&TYPE_MISMATCH])
        .refuses(&GROWTH)
}

fn pop(id: &'static str, summary: &'static str) -> Operation {
    let schema = of_key([
        may("value", named("Value")),
        may(
            "values",
            list(named("Value"), "The items, in the order in which they were taken."),
        ),
    ]);
    Operation::key_write(HttpMethod::Post, id, summary)
        .tagged(TAG)
        .text(
            "Takes an item out and tells it, or `count` of them. A missing key and an empty list give `null` (`[]`) \
             and are no write. A list whose last item is taken stays, empty. The body may be left out.",
        )
        .optional_body(
            or_null(closed(pop_members()), Type::Object).into(),
            &[("ten", r#"{"count":10}"#)],
        )
        .answers(
            200,
            Answer::json(
                "What was taken.",
                schema,
                &[
                    ("one", r#"{"key":"queue","value":{"job":0},"version":19}"#),
                    ("some", r#"{"key":"queue","values":[{"job":1}],"version":20}"#),
                    ("nothing", r#"{"key":"queue","value":null,"version":20}"#),
                ],
            )
            .carries([ETAG, IDEMPOTENCY_REPLAYED]),
        )
        .refuses(&[&TYPE_MISMATCH])
}

fn length() -> Schema {
    of_key([must("length", natural("How many items the list has."))])
}
