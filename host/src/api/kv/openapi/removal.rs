//! `POST /v1/kv/{key}/remove` and `/prune`

use utoipa::openapi::path::HttpMethod;

use super::of_key;
use crate::api::openapi::refusals::{MALFORMED_PATH, TYPE_MISMATCH};
use crate::api::openapi::schema::{Member, Schema, closed, may, must, named, natural, one_of};
use crate::api::openapi::{Answer, ETAG, Examples, IDEMPOTENCY_REPLAYED, Operation};

/// Removes what matches.
pub(in crate::api::kv) fn remove() -> Vec<Operation> {
    let [by_value, by_field] = remove_members();
    let body = one_of(
        "What to remove.",
        [closed([by_value]).into(), closed([by_field]).into()],
    );
    let operation = removal(
        "removeMatching",
        "Remove what matches",
        body,
        &[
            ("equal", r#"{"value":3}"#),
            ("field", r#"{"where":{"field":"done","equals":true}}"#),
            ("age", r#"{"where":{"field":"at","older_than":86400}}"#),
        ],
    );
    vec![operation.text(
        "Removes the items of a list, or the members of an object, that are equal to `value` or whose field is as \
         `where` says. `1`, `1.0` and `1e0` are equal, and the order of members does not matter. A missing key gives \
         0; removing nothing is no write.",
    )]
}

/// Removes what is old.
pub(in crate::api::kv) fn prune() -> Vec<Operation> {
    let operation = removal(
        "pruneOld",
        "Remove what is old",
        closed(prune_members()).into(),
        &[
            ("day", r#"{"older_than":86400}"#),
            ("field", r#"{"older_than":3600.5,"field":"seen.at"}"#),
        ],
    );
    vec![operation.text(
        "Removes the items of a list, or the members of an object, whose time is more than `older_than` seconds ago: \
         a number or a text of digits, seconds since 1970, or a text as in RFC 3339. What has no such time stays.",
    )]
}

/// The two members, one of which a removal has.
pub(super) fn remove_members() -> [Member; 2] {
    let field = |other| Schema::from(closed([must("field", named("Path")), other]));
    let condition = one_of(
        "A field of the items or members, and what it is.",
        [
            field(must("equals", named("Value"))),
            field(must("older_than", named("Age"))),
        ],
    );
    [must("value", named("Value")), must("where", condition)]
}

/// The members of a pruning.
pub(super) fn prune_members() -> [Member; 2] {
    [must("older_than", named("Age")), may("field", named("Path"))]
}

fn removal(id: &'static str, summary: &'static str, body: Schema, examples: Examples<'_>) -> Operation {
    Operation::key_write(HttpMethod::Post, id, summary)
        .tagged("Lists")
        .body(body, examples)
        .answers(
            200,
            Answer::json(
                "They are gone.",
                of_key([must("removed", natural("How many there were."))]),
                &[("removed", r#"{"key":"jobs","removed":1,"version":24}"#)],
            )
            .carries([ETAG, IDEMPOTENCY_REPLAYED]),
        )
        .refuses(&[&MALFORMED_PATH, &TYPE_MISMATCH])
}
