//! `/v1/history`: what is kept of the caller's states. It stands beside `/v1/kv` and not in it, where `history` is a key
//! like any other.

use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use utoipa::openapi::path::HttpMethod;

use super::error::ApiError;
use super::extract::{Caller, Query};
use super::json::{self, Object};
use super::openapi::refusals::STATE;
use super::openapi::schema::{list as list_of, must, natural, object, string, time};
use super::openapi::{Answer, Endpoint, Operation};
use crate::storage::Kept;

pub(super) fn endpoint() -> Endpoint {
    Endpoint::new("/v1/history", get(list), describe_list)
}

/// The runs that have a state kept, latest first.
async fn list(caller: Caller, query: Query) -> Result<Response, ApiError> {
    query.allow(&[])?;
    let history = caller.history().await?;
    let object = Object::new()
        .raw("history", &json::list(history.iter().map(describe)))
        .number("count", history.len() as u64);
    Ok((StatusCode::OK, [(CONTENT_TYPE, "application/json")], object.finish()).into_response())
}

fn describe(kept: &Kept) -> String {
    Object::new()
        .string("run_id", kept.run.as_str())
        .number("version", kept.version)
        .raw("kept_at", &json::time(kept.kept_at))
        .number("size_bytes", kept.size_bytes)
        .finish()
}

fn describe_list() -> Vec<Operation> {
    let kept = object([
        must("run_id", string("The run that wrote then.")),
        must("version", natural("The version that the state had before.")),
        must("kept_at", time("When the run first wrote.")),
        must("size_bytes", natural("What the state took, as compact JSON.")),
    ]);
    let answer = object([
        must("history", list_of(kept, "What is kept, latest first.")),
        must("count", natural("How many there are.")),
    ]);
    let operation = Operation::with_token(HttpMethod::Get, "listHistory", "What is kept of earlier states")
        .tagged("History")
        .text(
            "Before a run first writes, the state is kept, so that the run can be undone (`automation-kv restore`). Here \
             is which runs have one kept; no values. For tokens that are restricted to neither keys nor operations.",
        )
        .answers(
            200,
            Answer::json(
                "The runs.",
                answer.into(),
                &[(
                    "history",
                    r#"{"history":[{"run_id":"nightly-17","version":4,"kept_at":"2026-11-25T23:12:20.095+00:00",
                        "size_bytes":198}],"count":1}"#,
                )],
            ),
        )
        .refuses(&STATE);
    vec![operation]
}
