//! `PATCH /v1/kv/{key}`

use axum::http::StatusCode;
use axum::response::Response;

use super::{respond, unexpected_outcome, write};
use crate::api::error::ApiError;
use crate::api::extract::{BodyText, Caller, Key, Query};
use crate::api::fields::Fields;
use crate::api::json::Object;
use crate::engine::types::{Operation, Outcome, PatchOperation};

/// Sets one member inside an object: `{"path", "value"}`.
pub(super) async fn patch(
    caller: Caller,
    Key(key): Key,
    query: Query,
    BodyText(body): BodyText,
) -> Result<Response, ApiError> {
    let if_version = query.allow(&["if_version"])?.if_version()?;
    let mut fields = Fields::of_body(&body)?;
    let path = fields.required_string("path");
    let value = fields.required("value");
    let problems = fields.finish();
    if !problems.is_empty() {
        return Err(ApiError::invalid_request(&problems));
    }
    let operation = Operation::Patch(PatchOperation {
        key: key.clone(),
        path: path.clone(),
        value: value.to_string(),
        create: false,
    });
    let (Outcome::Patched(value), version) = write(&caller, &key, operation, if_version.as_ref()).await? else {
        return Err(unexpected_outcome());
    };
    let object = Object::new()
        .string("key", &key)
        .string("path", &path)
        .raw("value", &value)
        .number("version", version);
    Ok(respond(StatusCode::OK, object))
}
