//! The endpoints of `/v1/kv`. Every handler takes the parts of a request in the same order (caller, key, parameters,
//! conditions, body), has the engine do the work, and words what came back.

mod action;
mod batch;
mod delete;
mod get;
mod list_keys;
mod openapi;
mod patch;
mod put;
mod read;
mod write;

use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use super::error::ApiError;
use super::json::Object;
use super::openapi::Endpoint;

pub(super) use batch::{Asked, Batch, of_request};
pub(super) use openapi::schemas;
pub(super) use write::mark_replay;

/// The endpoints of single keys, below that of the state.
pub(super) fn keys() -> Vec<Endpoint> {
    let key = || get(get::get).put(put::put).patch(patch::patch).delete(delete::delete);
    let actions = action::CALLS.map(|(name, describe)| {
        let act = post(move |call, body| action::act(name, call, body));
        Endpoint::new(format!("/{{key}}/{name}"), act, describe)
    });
    let others = [
        Endpoint::new("/{key}", key(), openapi::key),
        Endpoint::new("/{key}/len", get(get::length), openapi::len),
        Endpoint::new("/{key}/range", get(get::range), openapi::range),
        Endpoint::new("/batch", key().post(batch::batch), openapi::batch_path),
    ];
    others.into_iter().chain(actions).collect()
}

/// The endpoint of the state itself.
pub(super) fn state() -> Endpoint {
    Endpoint::new("", get(list_keys::list_keys), openapi::list_keys)
}

/// The engine answered with an outcome of another operation.
fn unexpected_outcome() -> ApiError {
    ApiError::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "engine_failed",
        "the engine gave an answer that makes no sense",
    )
}

fn respond(status: StatusCode, object: Object) -> Response {
    (status, [(CONTENT_TYPE, "application/json")], object.finish()).into_response()
}
