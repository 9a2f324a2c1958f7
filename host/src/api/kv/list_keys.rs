//! `GET /v1/kv`

use axum::http::StatusCode;
use axum::response::Response;

use super::get::attributes;
use super::read::read;
use super::{respond, unexpected_outcome};
use crate::api::error::ApiError;
use crate::api::extract::{Caller, Query};
use crate::api::json::{self, Object};
use crate::engine::types::{ListOperation, Listed, Operation, Outcome};
use crate::vault::TimestampMs;

/// The most keys in a page.
pub(super) const MAX_LIMIT: u32 = 1000;

/// Names the keys that start with `prefix`, oldest first: all, or a page of `limit` behind a `cursor`. Tells their values
/// (`values`), and what is known of them and of the room that is left (`meta`).
pub(super) async fn list_keys(caller: Caller, query: Query) -> Result<Response, ApiError> {
    let query = query.allow(&["prefix", "limit", "cursor", "values", "meta"])?;
    let (values, meta) = (query.flag("values")?, query.flag("meta")?);
    let limit = query.limit(MAX_LIMIT)?;
    let cursor = query.text("cursor");
    let operation = Operation::ListKeys(ListOperation {
        prefix: query.text("prefix").unwrap_or_default().to_string(),
        limit,
        cursor: cursor.map(ToString::to_string),
        values,
    });
    let read = read(&caller, "", operation).await?;
    let Outcome::Keys(page) = read.outcome else {
        return Err(unexpected_outcome());
    };
    let keys = json::list(page.keys.iter().map(|listed| json::string(&listed.key)));
    let mut object = Object::new().raw("keys", &keys).number("count", page.keys.len() as u64);
    if limit.is_some() || cursor.is_some() {
        let next = page
            .next
            .as_deref()
            .map_or_else(|| json::NULL.to_string(), json::string);
        object = object.raw("next_cursor", &next);
    }
    if meta {
        let now = caller.now();
        let free_bytes = read.limit_bytes.map(|limit| limit.saturating_sub(read.size_bytes));
        object = object
            .number("size_bytes", read.size_bytes)
            .raw("limit_bytes", &json::optional_number(read.limit_bytes))
            .raw("free_bytes", &json::optional_number(free_bytes))
            .raw(
                "entries",
                &json::list(page.keys.iter().map(|listed| entry(listed, now))),
            );
    } else if values {
        let values = page.keys.iter().fold(Object::new(), |object, listed| {
            object.entry(&listed.key, listed.value.as_deref().unwrap_or(json::NULL))
        });
        object = object.raw("values", &values.finish());
    }
    Ok(respond(StatusCode::OK, object.number("version", read.version)))
}

fn entry(listed: &Listed, now: TimestampMs) -> String {
    let mut object = Object::new().string("key", &listed.key);
    if let Some(value) = &listed.value {
        object = object.raw("value", value);
    }
    attributes(object, &listed.attributes, now).finish()
}
