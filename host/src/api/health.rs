//! `/healthz` and `/readyz`, for load balancers and supervisors.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::Api;
use super::error::ApiError;
use super::json::Object;
use super::openapi::refusals::{NOT_CONFIGURED, STORAGE_UNAVAILABLE};
use super::openapi::schema::{must, object, word};
use super::openapi::{Answer, Endpoint, Operation};

pub(super) fn endpoints() -> [Endpoint; 2] {
    [
        Endpoint::new("/healthz", get(healthz), describe_healthz),
        Endpoint::new("/readyz", get(readyz), describe_readyz),
    ]
}

/// 200 as long as the process answers at all.
async fn healthz() -> Response {
    ok()
}

/// 200 if calls on states can succeed: a secret is there and the storage answers. Else 503.
async fn readyz(State(api): State<Api>) -> Result<Response, ApiError> {
    let keyed = api.shared.keyed.as_ref().ok_or_else(ApiError::not_configured)?;
    keyed
        .service
        .check()
        .await
        .map_err(crate::service::ServiceError::from)?;
    Ok(ok())
}

fn ok() -> Response {
    let body = Object::new().string("status", "ok").finish();
    (StatusCode::OK, [(CONTENT_TYPE, "application/json")], body).into_response()
}

fn describe_healthz() -> Vec<Operation> {
    let operation = Operation::open("getHealth", "Whether the process answers")
        .tagged("Service")
        .answers(200, described_ok("It does."));
    vec![operation]
}

fn describe_readyz() -> Vec<Operation> {
    let operation = Operation::open("getReadiness", "Whether calls on states can succeed")
        .tagged("Service")
        .text("200 if there is a secret and the database answers. One that takes no writes still answers.")
        .answers(200, described_ok("They can."))
        .refuses(&[&NOT_CONFIGURED, &STORAGE_UNAVAILABLE]);
    vec![operation]
}

fn described_ok(description: &'static str) -> Answer {
    let schema = object([must("status", word(["ok"]))]);
    Answer::json(description, schema.into(), &[("ok", r#"{"status":"ok"}"#)])
}
