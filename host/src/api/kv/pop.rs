//! `POST /v1/kv/{key}/lpop` and `…/rpop`

use axum::http::StatusCode;
use axum::response::Response;

use super::{respond, unexpected_outcome, write};
use crate::api::error::ApiError;
use crate::api::extract::{Caller, Key, Query};
use crate::api::json::Object;
use crate::engine::types::{ListEnd, Operation, Outcome, PopOperation};

/// Takes the first item of a list.
pub(super) async fn pop_head(caller: Caller, key: Key, query: Query) -> Result<Response, ApiError> {
    pop(caller, key, query, ListEnd::Head).await
}

/// Takes the last item of a list.
pub(super) async fn pop_tail(caller: Caller, key: Key, query: Query) -> Result<Response, ApiError> {
    pop(caller, key, query, ListEnd::Tail).await
}

async fn pop(caller: Caller, Key(key): Key, query: Query, end: ListEnd) -> Result<Response, ApiError> {
    let if_version = query.allow(&["if_version"])?.if_version()?;
    let operation = Operation::Pop(PopOperation { key: key.clone(), end });
    let (Outcome::Popped(item), version) = write(&caller, &key, operation, if_version.as_ref()).await? else {
        return Err(unexpected_outcome());
    };
    let value = item.as_deref().unwrap_or("null");
    let object = Object::new()
        .string("key", &key)
        .raw("value", value)
        .number("version", version);
    Ok(respond(StatusCode::OK, object))
}
