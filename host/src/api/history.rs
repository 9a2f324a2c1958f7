//! `/v1/history`: what is kept of the caller's states. It stands beside `/v1/kv` and not in it, where `history` is a key
//! like any other.

use axum::Router;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::Api;
use super::error::ApiError;
use super::extract::{Caller, Query};
use super::json::{self, Object};
use crate::storage::Kept;

/// The route, with and without a slash at its end.
pub(super) fn routes(path: &str) -> Router<Api> {
    Router::new()
        .route(path, get(list))
        .route(&format!("{path}/"), get(list))
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
