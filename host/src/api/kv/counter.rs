//! `POST /v1/kv/{key}/incr` and `…/decr`

use axum::http::StatusCode;
use axum::response::Response;

use super::{respond, unexpected_outcome, write};
use crate::api::error::ApiError;
use crate::api::extract::{BodyText, Caller, Key, Query};
use crate::api::fields::Fields;
use crate::api::json::Object;
use crate::engine::types::{CountOperation, Operation, Outcome};

/// By how much to count when nobody says.
pub(super) const DEFAULT_BY: &str = "1";

/// Adds to an integer.
pub(super) async fn increment(caller: Caller, key: Key, query: Query, body: BodyText) -> Result<Response, ApiError> {
    count(caller, key, query, body, Operation::Increment).await
}

/// Takes from an integer.
pub(super) async fn decrement(caller: Caller, key: Key, query: Query, body: BodyText) -> Result<Response, ApiError> {
    count(caller, key, query, body, Operation::Decrement).await
}

async fn count(
    caller: Caller,
    Key(key): Key,
    query: Query,
    BodyText(body): BodyText,
    operation: fn(CountOperation) -> Operation,
) -> Result<Response, ApiError> {
    let if_version = query.allow(&["if_version"])?.if_version()?;
    let operation = operation(CountOperation {
        key: key.clone(),
        by: by(&body)?,
    });
    let (Outcome::Number(value), version) = write(&caller, &key, operation, if_version.as_ref()).await? else {
        return Err(unexpected_outcome());
    };
    let object = Object::new()
        .string("key", &key)
        .raw("value", &value)
        .number("version", version);
    Ok(respond(StatusCode::OK, object))
}

/// The member `by` of an optional body; no body and `null` are like `{}`.
fn by(body: &str) -> Result<String, ApiError> {
    if matches!(body.trim(), "" | "null") {
        return Ok(DEFAULT_BY.to_string());
    }
    let mut fields = Fields::of_body(body)?;
    let by = fields.take("by").unwrap_or(DEFAULT_BY).to_string();
    let problems = fields.finish();
    if problems.is_empty() {
        Ok(by)
    } else {
        Err(ApiError::invalid_request(&problems))
    }
}
