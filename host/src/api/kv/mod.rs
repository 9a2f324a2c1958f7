//! The endpoints of `/v1/kv`. Every handler takes the parts of a request in the same order (caller, key, parameters,
//! conditions, body), has the engine do the work, and words what came back.

mod action;
mod batch;
mod delete;
mod get;
mod list_keys;
mod patch;
mod put;
mod read;
mod write;

use axum::Router;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};

use super::Api;
use super::error::ApiError;
use super::json::Object;

pub(super) use batch::Batch;

/// The routes of single keys, each with and without a slash at its end.
pub(super) fn keys() -> Router<Api> {
    let key = || get(get::get).put(put::put).patch(patch::patch).delete(delete::delete);
    let actions = action::CALLS.map(|name| {
        let act = post(move |call, body| action::act(name, call, body));
        (format!("/{{key}}/{name}"), act)
    });
    let routes: [(String, MethodRouter<Api>); 4] = [
        ("/batch".to_string(), key().post(batch::batch)),
        ("/{key}".to_string(), key()),
        ("/{key}/len".to_string(), get(get::length)),
        ("/{key}/range".to_string(), get(get::range)),
    ];
    routes
        .into_iter()
        .chain(actions)
        .fold(Router::new(), |router, (path, methods)| {
            router.route(&format!("{path}/"), methods.clone()).route(&path, methods)
        })
}

/// The methods of the state itself.
pub(super) fn state() -> MethodRouter<Api> {
    get(list_keys::list_keys)
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
