//! `/metrics`, for Prometheus.

use axum::Router;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::Api;
use super::error::ApiError;
use crate::service::METRICS_MEDIA_TYPE;

pub(super) fn routes() -> Router<Api> {
    Router::new().route("/metrics", get(metrics))
}

async fn metrics(State(api): State<Api>) -> Result<Response, ApiError> {
    let keyed = api.keyed.as_ref().ok_or_else(ApiError::not_configured)?;
    Ok(([(CONTENT_TYPE, METRICS_MEDIA_TYPE)], keyed.service.metrics()).into_response())
}
