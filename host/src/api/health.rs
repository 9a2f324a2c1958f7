//! `/healthz` and `/readyz`, for load balancers and supervisors.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::Api;
use super::error::ApiError;
use super::json::Object;

pub(super) fn routes() -> Router<Api> {
    Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
}

/// 200 as long as the process answers at all.
async fn healthz() -> Response {
    ok()
}

/// 200 if calls on states can succeed: a secret is there and the storage answers. Else 503.
async fn readyz(State(api): State<Api>) -> Result<Response, ApiError> {
    let keyed = api.keyed.as_ref().ok_or_else(ApiError::not_configured)?;
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
