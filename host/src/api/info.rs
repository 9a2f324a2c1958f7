//! `GET /v1/info`: what this service is. Needs no token and tells no secret.

use axum::Router;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::Api;
use super::json::Object;
use crate::engine;

pub(super) fn routes(path: &str) -> Router<Api> {
    Router::new()
        .route(path, get(info))
        .route(&format!("{path}/"), get(info))
}

async fn info() -> Response {
    (StatusCode::OK, [(CONTENT_TYPE, "application/json")], text()).into_response()
}

/// The version of the service, and the engine that it carries: `automation-kv engine export` gives that very file.
fn text() -> String {
    let engine = Object::new()
        .string("sha256", engine::built_in_sha256())
        .string("wit", engine::WIT_PACKAGE)
        .finish();
    Object::new()
        .string("version", env!("CARGO_PKG_VERSION"))
        .raw("engine", &engine)
        .finish()
}
