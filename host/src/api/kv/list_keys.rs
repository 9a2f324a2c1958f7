//! `GET /v1/kv`

use axum::http::StatusCode;
use axum::response::Response;

use super::{read, respond, unexpected_outcome};
use crate::api::error::ApiError;
use crate::api::extract::{Caller, Query};
use crate::api::json::{self, Object};
use crate::engine::types::{Operation, Outcome};

/// Names all keys, oldest first.
pub(super) async fn list_keys(caller: Caller, query: Query) -> Result<Response, ApiError> {
    query.allow(&[])?;
    let (Outcome::Keys(keys), version) = read(&caller, "", Operation::ListKeys).await? else {
        return Err(unexpected_outcome());
    };
    let count = keys.len() as u64;
    let keys = json::list(keys.iter().map(|key| json::string(key)));
    let object = Object::new().raw("keys", &keys).number("count", count);
    Ok(respond(StatusCode::OK, object.number("version", version)))
}
