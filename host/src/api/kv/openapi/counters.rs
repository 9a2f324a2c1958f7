//! `POST /v1/kv/{key}/incr` and `/decr`

use utoipa::openapi::Type;
use utoipa::openapi::path::HttpMethod;

use super::of_key;
use crate::api::openapi::refusals::{GROWTH, TYPE_MISMATCH};
use crate::api::openapi::schema::{Member, closed, integer, may, must, named, or_null};
use crate::api::openapi::{Answer, ETAG, IDEMPOTENCY_REPLAYED, Operation};

/// Counts up.
pub(in crate::api::kv) fn incr() -> Vec<Operation> {
    vec![count("incrementCounter", "Count up")]
}

/// Counts down.
pub(in crate::api::kv) fn decr() -> Vec<Operation> {
    vec![count("decrementCounter", "Count down")]
}

/// The members of either.
pub(super) fn members() -> [Member; 1] {
    [may("by", named("By"))]
}

fn count(id: &'static str, summary: &'static str) -> Operation {
    Operation::key_write(HttpMethod::Post, id, summary)
        .tagged("Counters")
        .text(
            "Adds to an integer of any size, or takes from it, exactly. A missing key counts from 0. The body may \
               be left out.",
        )
        .optional_body(
            or_null(closed(members()), Type::Object).into(),
            &[("by", r#"{"by":41}"#)],
        )
        .answers(
            200,
            Answer::json(
                "Counted.",
                of_key([must("value", integer("The new value."))]),
                &[("counted", r#"{"key":"runs","value":41,"version":14}"#)],
            )
            .carries([ETAG, IDEMPOTENCY_REPLAYED])
            .leads_to(["getValue", "incrementCounter"]),
        )
        .refuses(&[&TYPE_MISMATCH])
        .refuses(&GROWTH)
}
