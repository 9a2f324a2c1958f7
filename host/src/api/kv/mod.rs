//! The endpoints of `/v1/kv`, one file each. Every handler takes the parts of a request in the same order
//! (caller, key, parameters, body), has the engine do the work, and words what came back.

mod batch;
mod counter;
mod delete;
mod get;
mod list_keys;
mod patch;
mod pop;
mod push;
mod put;

use axum::Router;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};

use super::Api;
use super::error::{ApiError, rejected};
use super::extract::Caller;
use super::fields::IfVersion;
use super::json::Object;
use crate::engine::types::{Operation, Outcome, Request};
use crate::service::Answer;

/// The routes of single keys, each with and without a slash at its end.
pub(super) fn keys() -> Router<Api> {
    let key = || get(get::get).put(put::put).patch(patch::patch).delete(delete::delete);
    let routes: [(&str, MethodRouter<Api>); 9] = [
        ("/batch", key().post(batch::batch)),
        ("/{key}", key()),
        ("/{key}/incr", post(counter::increment)),
        ("/{key}/decr", post(counter::decrement)),
        ("/{key}/lpush", post(push::push_head)),
        ("/{key}/rpush", post(push::push_tail)),
        ("/{key}/lpop", post(pop::pop_head)),
        ("/{key}/rpop", post(pop::pop_tail)),
        ("/{key}/len", get(get::length)),
    ];
    routes.into_iter().fold(Router::new(), |router, (path, methods)| {
        router.route(&format!("{path}/"), methods.clone()).route(path, methods)
    })
}

/// The methods of the state itself.
pub(super) fn state() -> MethodRouter<Api> {
    get(list_keys::list_keys)
}

/// Carries out an operation on `key` that reads: its outcome, and the version of the state.
async fn read(caller: &Caller, key: &str, operation: Operation) -> Result<(Outcome, u64), ApiError> {
    accept(caller.read(single(operation, None)).await?, key, None)
}

/// Carries out an operation on `key` that may write: its outcome, and the version after it.
async fn write(
    caller: &Caller,
    key: &str,
    operation: Operation,
    if_version: Option<&IfVersion>,
) -> Result<(Outcome, u64), ApiError> {
    accept(caller.write(single(operation, if_version)).await?, key, if_version)
}

fn single(operation: Operation, if_version: Option<&IfVersion>) -> Request {
    Request {
        operations: vec![operation],
        if_version: if_version.map(|version| version.number),
        always_bump: false,
    }
}

fn accept(answer: Answer, key: &str, if_version: Option<&IfVersion>) -> Result<(Outcome, u64), ApiError> {
    let expected = if_version.map(|version| version.text.as_str());
    let reply = answer.map_err(|rejection| rejected(&rejection.reason, key, expected))?;
    let outcome = reply.outcomes.into_iter().next().ok_or_else(unexpected_outcome)?;
    Ok((outcome, reply.version))
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
