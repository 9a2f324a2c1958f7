//! `POST /v1/kv/{key}/lpush` and `…/rpush`

use axum::http::StatusCode;
use axum::response::Response;

use super::{respond, unexpected_outcome, write};
use crate::api::error::ApiError;
use crate::api::extract::{BodyText, Caller, Key, Query};
use crate::api::fields::Fields;
use crate::api::json::Object;
use crate::engine::types::{ListEnd, Operation, Outcome, PushOperation};

/// Adds an item at the front of a list.
pub(super) async fn push_head(caller: Caller, key: Key, query: Query, body: BodyText) -> Result<Response, ApiError> {
    push(caller, key, query, body, ListEnd::Head).await
}

/// Adds an item at the back of a list.
pub(super) async fn push_tail(caller: Caller, key: Key, query: Query, body: BodyText) -> Result<Response, ApiError> {
    push(caller, key, query, body, ListEnd::Tail).await
}

async fn push(
    caller: Caller,
    Key(key): Key,
    query: Query,
    BodyText(body): BodyText,
    end: ListEnd,
) -> Result<Response, ApiError> {
    let if_version = query.allow(&["if_version"])?.if_version()?;
    let mut fields = Fields::of_body(&body)?;
    let value = fields.required("value").to_string();
    let problems = fields.finish();
    if !problems.is_empty() {
        return Err(ApiError::invalid_request(&problems));
    }
    let operation = Operation::Push(PushOperation {
        key: key.clone(),
        value,
        end,
    });
    let (Outcome::Length(length), version) = write(&caller, &key, operation, if_version.as_ref()).await? else {
        return Err(unexpected_outcome());
    };
    let object = Object::new()
        .string("key", &key)
        .number("length", length)
        .number("version", version);
    Ok(respond(StatusCode::OK, object))
}
