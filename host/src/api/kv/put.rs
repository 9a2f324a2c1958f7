//! `PUT /v1/kv/{key}`

use axum::http::StatusCode;
use axum::response::Response;

use super::unexpected_outcome;
use super::write::Write;
use crate::api::error::{ApiError, Problem};
use crate::api::extract::{BodyText, Call};
use crate::api::json::{self, Object};
use crate::engine::types::{Condition, Expiry, Operation, Outcome, SetOperation};

/// Stores the body as the value; `nx` only if the key is absent, `xx` only if it exists; `ex`, `px`, `exat` and `keepttl`
/// say how long the key is to live, for ever unless given.
pub(super) async fn put(call: Call, BodyText(value): BodyText) -> Result<Response, ApiError> {
    let write = Write::new(call, &["nx", "xx", "ex", "px", "exat", "keepttl"], &value)?;
    let (nx, xx) = (write.query().flag("nx")?, write.query().flag("xx")?);
    let expiry = write.query().expiry(write.now())?;
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
        key: write.key().to_string(),
        value,
        condition,
        expiry: expiry.unwrap_or(Expiry::Never),
    });
    let written = write.carry_out(vec![operation]).await?;
    let [Outcome::Stored(stored)] = written.outcomes.as_slice() else {
        return Err(unexpected_outcome());
    };
    let status = if stored.created {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    let mut object = Object::new()
        .string("key", write.key())
        .raw("value", &stored.value)
        .boolean("created", stored.created)
        .raw("updated_at", &json::time(stored.updated_at));
    if let Some(expires_at) = stored.expires_at {
        object = object.raw("expires_at", &json::time(expires_at));
    }
    Ok(written.respond(status, object))
}

fn nx_and_xx() -> ApiError {
    const MESSAGE: &str = "Cannot use both nx and xx";
    ApiError::new(StatusCode::BAD_REQUEST, "invalid_request", MESSAGE).with_detail(MESSAGE)
}
