//! `GET /v1/kv/{key}`, `…/len` and `…/range`

use axum::http::StatusCode;
use axum::http::header::ETAG;
use axum::response::{IntoResponse, Response};

use super::read::read;
use super::{respond, unexpected_outcome};
use crate::api::error::{ApiError, tag};
use crate::api::extract::{Caller, Conditions, Key, Query, Verdict};
use crate::api::json::{self, Object};
use crate::engine::types::{Attributes, GetOperation, Operation, Outcome, RangeOperation};
use crate::vault::TimestampMs;

/// What the members around a value take at most, beside the key.
const ENVELOPE_BYTES: usize = 320;

/// Reads a value, something inside it (`path`), or the value and what is known of it (`meta`).
pub(super) async fn get(
    caller: Caller,
    Key(key): Key,
    query: Query,
    conditions: Conditions,
) -> Result<Response, ApiError> {
    let query = query.allow(&["path", "meta"])?;
    let meta = query.flag("meta")?;
    let path = query.text("path").filter(|path| !path.is_empty());
    let operation = Operation::Get(GetOperation {
        key: key.clone(),
        path: path.map(ToString::to_string),
    });
    let read = read(&caller, &key, operation).await?;
    let Outcome::Value(entry) = read.outcome else {
        return Err(unexpected_outcome());
    };
    let key_version = entry.attributes.key_version;
    let tag = [(ETAG, tag(key_version))];
    match conditions.of_read(key_version) {
        Verdict::Go => {}
        Verdict::NotModified => return Ok((StatusCode::NOT_MODIFIED, tag).into_response()),
        Verdict::Failed => return Err(ApiError::precondition_failed(&key, Some(key_version))),
    }
    let object = Object::with_capacity(entry.value.len() + key.len() + ENVELOPE_BYTES).string("key", &key);
    let object = match path {
        Some(path) => object.string("path", path).raw("value", &entry.value),
        None if meta => attributes(object.raw("value", &entry.value), &entry.attributes, caller.now()),
        None => object.raw("value", &entry.value),
    };
    let response = respond(StatusCode::OK, object.number("version", read.version));
    Ok((tag, response).into_response())
}

/// What is known of a key beside its value.
pub(super) fn attributes(object: Object, attributes: &Attributes, now: TimestampMs) -> Object {
    let ttl_ms = attributes.expires_at.map(|expires_at| expires_at.saturating_sub(now));
    object
        .raw("created_at", &json::time(attributes.created_at))
        .raw("updated_at", &json::time(attributes.updated_at))
        .raw("expires_at", &json::optional_time(attributes.expires_at))
        .raw("ttl_ms", &json::optional_number(ttl_ms))
        .number("size_bytes", attributes.size_bytes)
        .number("key_version", attributes.key_version)
}

/// Counts the items of a list.
pub(super) async fn length(caller: Caller, Key(key): Key, query: Query) -> Result<Response, ApiError> {
    query.allow(&[])?;
    let read = read(&caller, &key, Operation::Length(key.clone())).await?;
    let Outcome::Length(length) = read.outcome else {
        return Err(unexpected_outcome());
    };
    let object = Object::new().string("key", &key).number("length", length);
    Ok(respond(StatusCode::OK, object.number("version", read.version)))
}

/// Reads some items of a list, all unless `start` and `stop` say otherwise.
pub(super) async fn range(caller: Caller, Key(key): Key, query: Query) -> Result<Response, ApiError> {
    let query = query.allow(&["start", "stop"])?;
    let operation = Operation::Range(RangeOperation {
        key: key.clone(),
        start: query.index("start")?.unwrap_or(0),
        stop: query.index("stop")?.unwrap_or(-1),
    });
    let read = read(&caller, &key, operation).await?;
    let Outcome::Items(items) = read.outcome else {
        return Err(unexpected_outcome());
    };
    let count = items.len() as u64;
    let object = Object::new()
        .string("key", &key)
        .raw("values", &json::list(items))
        .number("count", count);
    Ok(respond(StatusCode::OK, object.number("version", read.version)))
}
