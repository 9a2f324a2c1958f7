//! `/metrics`, for Prometheus.

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use utoipa::openapi::content::ContentBuilder;

use super::Api;
use super::error::ApiError;
use super::openapi::refusals::NOT_CONFIGURED;
use super::openapi::schema::{Schema, string};
use super::openapi::{Answer, Endpoint, Operation};
use crate::service::METRICS_MEDIA_TYPE;

pub(super) fn endpoint() -> Endpoint {
    Endpoint::new("/metrics", get(metrics), describe)
}

async fn metrics(State(api): State<Api>) -> Result<Response, ApiError> {
    let keyed = api.shared.keyed.as_ref().ok_or_else(ApiError::not_configured)?;
    Ok((
        [(CONTENT_TYPE, METRICS_MEDIA_TYPE)],
        keyed.service.metrics(&api.shared.plugins),
    )
        .into_response())
}

fn describe() -> Vec<Operation> {
    let text = ContentBuilder::new()
        .schema(Some(Schema::from(string("One line for each metric."))))
        .example(Some("kv_swept_total 0\n# EOF\n".into()))
        .build();
    let operation = Operation::open("getMetrics", "Metrics for Prometheus")
        .tagged("Service")
        .text("In the text format of OpenMetrics 1.0, whatever `Accept` says.")
        .answers(200, Answer::of("The metrics.", METRICS_MEDIA_TYPE, text))
        .refuses(&[&NOT_CONFIGURED]);
    vec![operation]
}
