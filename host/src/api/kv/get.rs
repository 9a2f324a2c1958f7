//! `GET /v1/kv/{key}` and `GET /v1/kv/{key}/len`

use axum::http::StatusCode;
use axum::response::Response;

use super::{read, respond, unexpected_outcome};
use crate::api::error::ApiError;
use crate::api::extract::{Caller, Key, Query};
use crate::api::json::{self, Object};
use crate::engine::types::{GetOperation, Operation, Outcome};

/// What the members around a value take at most, beside the key.
const ENVELOPE_BYTES: usize = 160;

/// Reads a value, something inside it (`path`), or the value and its times (`meta`).
pub(super) async fn get(caller: Caller, Key(key): Key, query: Query) -> Result<Response, ApiError> {
    let query = query.allow(&["path", "meta"])?;
    let meta = query.flag("meta")?;
    let path = query.text("path").filter(|path| !path.is_empty());
    let operation = Operation::Get(GetOperation {
        key: key.clone(),
        path: path.map(ToString::to_string),
    });
    let (Outcome::Value(entry), version) = read(&caller, &key, operation).await? else {
        return Err(unexpected_outcome());
    };
    let object = Object::with_capacity(entry.value.len() + key.len() + ENVELOPE_BYTES).string("key", &key);
    let object = match path {
        Some(path) => object.string("path", path).raw("value", &entry.value),
        None if meta => object
            .raw("value", &entry.value)
            .raw("created_at", &json::time(entry.created_at))
            .raw("updated_at", &json::time(entry.updated_at)),
        None => object.raw("value", &entry.value),
    };
    Ok(respond(StatusCode::OK, object.number("version", version)))
}

/// Counts the items of a list.
pub(super) async fn length(caller: Caller, Key(key): Key, query: Query) -> Result<Response, ApiError> {
    query.allow(&[])?;
    let (Outcome::Length(length), version) = read(&caller, &key, Operation::Length(key.clone())).await? else {
        return Err(unexpected_outcome());
    };
    let object = Object::new().string("key", &key).number("length", length);
    Ok(respond(StatusCode::OK, object.number("version", version)))
}
