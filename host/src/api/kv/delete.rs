//! `DELETE /v1/kv/{key}`

use axum::http::StatusCode;
use axum::response::Response;

use super::{respond, unexpected_outcome, write};
use crate::api::error::ApiError;
use crate::api::extract::{Caller, Key, Query};
use crate::api::json::Object;
use crate::engine::types::{Operation, Outcome};

/// Removes a key. There being none is a success that says so.
pub(super) async fn delete(caller: Caller, Key(key): Key, query: Query) -> Result<Response, ApiError> {
    let if_version = query.allow(&["if_version"])?.if_version()?;
    let operation = Operation::Delete(key.clone());
    let (Outcome::Deleted(deleted), version) = write(&caller, &key, operation, if_version.as_ref()).await? else {
        return Err(unexpected_outcome());
    };
    let object = Object::new()
        .string("key", &key)
        .boolean("deleted", deleted)
        .number("version", version);
    Ok(respond(StatusCode::OK, object))
}
