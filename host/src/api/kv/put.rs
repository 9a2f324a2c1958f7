//! `PUT /v1/kv/{key}`

use axum::http::StatusCode;
use axum::response::Response;

use super::{respond, unexpected_outcome, write};
use crate::api::error::{ApiError, Problem};
use crate::api::extract::{BodyText, Caller, Key, Query};
use crate::api::json::{self, Object};
use crate::engine::types::{Condition, Operation, Outcome, SetOperation};

/// Stores the body as the value; `nx` only if the key is absent, `xx` only if it exists.
pub(super) async fn put(
    caller: Caller,
    Key(key): Key,
    query: Query,
    BodyText(value): BodyText,
) -> Result<Response, ApiError> {
    let query = query.allow(&["nx", "xx", "if_version"])?;
    let (nx, xx, if_version) = (query.flag("nx")?, query.flag("xx")?, query.if_version()?);
    if value.trim().is_empty() {
        let problem = Problem::new(["body"], "the body must be the value as JSON", "missing");
        return Err(ApiError::invalid_request(&[problem]));
    }
    let condition = match (nx, xx) {
        (true, true) => return Err(nx_and_xx()),
        (true, false) => Condition::IfAbsent,
        (false, true) => Condition::IfPresent,
        (false, false) => Condition::Always,
    };
    let operation = Operation::Set(SetOperation {
        key: key.clone(),
        value,
        condition,
    });
    let (Outcome::Stored(stored), version) = write(&caller, &key, operation, if_version.as_ref()).await? else {
        return Err(unexpected_outcome());
    };
    let status = if stored.created {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    let object = Object::new()
        .string("key", &key)
        .raw("value", &stored.value)
        .boolean("created", stored.created)
        .raw("updated_at", &json::time(stored.updated_at))
        .number("version", version);
    Ok(respond(status, object))
}

fn nx_and_xx() -> ApiError {
    const MESSAGE: &str = "Cannot use both nx and xx";
    ApiError::new(StatusCode::BAD_REQUEST, "invalid_request", MESSAGE).with_detail(MESSAGE)
}
