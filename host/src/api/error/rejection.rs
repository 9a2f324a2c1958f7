//! The engine's rejections as the contract words them: single operations and batches have different
//! statuses and texts, which scripts rely on. Here is what they have in common.

use axum::http::StatusCode;

use super::forbidden::forbidden;
use super::operation_failed::operation_failed;
use super::plugin::call_refused;
use super::refused::refused;
use super::{ApiError, Problem};
use crate::api::if_version::IfVersion;
use crate::api::json::{self, Object};
use crate::api::precondition::Precondition;
use crate::engine::Refusal;
use crate::engine::types::{
    CheckFailure, InvalidArgument, Operation, Reason, Rejection, Scope, TooLarge, ValueTooLarge, VersionMismatch,
};
use crate::vault::TimestampMs;

/// What a single call on a key asked for.
pub(in crate::api) struct Asked<'a> {
    pub(in crate::api) key: &'a str,
    pub(in crate::api) if_version: Option<&'a IfVersion>,
    /// What was checked before the operations.
    pub(in crate::api) preconditions: &'a [Precondition],
    pub(in crate::api) scope: Option<&'a Scope>,
    pub(in crate::api) operations: &'a [Operation],
    pub(in crate::api) now: TimestampMs,
}

/// An operation of a batch, as far as an error names it, and what the engine was asked for it.
pub(in crate::api) struct BatchItem<'a> {
    pub(in crate::api) name: &'a str,
    /// The member that says what it works on, and its value.
    pub(in crate::api) subject: (&'static str, &'a str),
    /// None for a call of a plugin.
    pub(in crate::api) operations: &'a [Option<&'a Operation>],
}

/// The answer to a refused call.
pub(in crate::api) fn rejected(rejection: &Rejection, asked: &Asked<'_>) -> ApiError {
    if let Some(error) = common(&rejection.reason, asked.if_version, asked.scope) {
        return error;
    }
    let index = rejection.operation.unwrap_or(0) as usize;
    match (&rejection.reason, asked.preconditions.get(index)) {
        (Reason::CheckFailed(failure), Some(precondition)) => precondition_failed(asked.key, precondition, failure),
        (reason, _) => {
            let operation = asked.operations.get(index.saturating_sub(asked.preconditions.len()));
            refused(reason, asked.key, operation, asked.now)
        }
    }
}

/// The answer to a refused batch.
pub(in crate::api) fn batch_refused(
    refusal: &Refusal,
    items: &[BatchItem<'_>],
    if_version: Option<&IfVersion>,
    scope: Option<&Scope>,
) -> ApiError {
    match refusal {
        Refusal::Rejected(rejection) => batch_rejected(rejection, items, if_version, scope),
        Refusal::Call { index, error } => match find(items, *index) {
            Some((index, item, _)) => {
                call_refused(item.subject.1, error, scope).with("operation_index", index.to_string())
            }
            None => unexpected(),
        },
    }
}

fn batch_rejected(
    rejection: &Rejection,
    items: &[BatchItem<'_>],
    if_version: Option<&IfVersion>,
    scope: Option<&Scope>,
) -> ApiError {
    let refused = rejection
        .operation
        .and_then(|operation| find(items, operation as usize));
    if let (Reason::Forbidden(what), Some((index, ..))) = (&rejection.reason, refused) {
        return forbidden(what, scope).with("operation_index", index.to_string());
    }
    if let Some(error) = common(&rejection.reason, if_version, scope) {
        return error;
    }
    match (&rejection.reason, refused) {
        (Reason::InvalidArgument(argument), Some((index, ..))) => {
            let index = index.to_string();
            let location = ["body", "operations", index.as_str(), field(argument)];
            ApiError::invalid_request(&[Problem::new(location, &argument.message, kind(argument))])
        }
        (reason, Some((index, item, Some(operation)))) => operation_failed(reason, index, item, operation),
        (_, Some((_, _, None)) | None) => unexpected(),
    }
}

/// The item that an operation of the engine's or a call belongs to, with its index, and the operation.
fn find<'a>(items: &'a [BatchItem<'a>], place: usize) -> Option<(usize, &'a BatchItem<'a>, Option<&'a Operation>)> {
    let mut within = place;
    for (index, item) in items.iter().enumerate() {
        match item.operations.get(within) {
            Some(operation) => return Some((index, item, *operation)),
            None => within -= item.operations.len(),
        }
    }
    None
}

/// What is the same for single operations and batches.
pub(super) fn common(reason: &Reason, if_version: Option<&IfVersion>, scope: Option<&Scope>) -> Option<ApiError> {
    match reason {
        Reason::Forbidden(what) => Some(forbidden(what, scope)),
        Reason::InvalidJson(message) => Some(invalid_json(message)),
        Reason::InvalidValue(message) => Some(ApiError::invalid_value(message)),
        Reason::VersionMismatch(mismatch) => Some(version_mismatch(*mismatch, if_version)),
        Reason::TooLarge(too_large) => Some(state_too_large(too_large)),
        Reason::ValueTooLarge(too_large) => Some(value_too_large(too_large)),
        Reason::OnceMismatch => Some(idempotency_key_reused()),
        _ => None,
    }
}

fn invalid_json(message: &str) -> ApiError {
    ApiError::invalid_request(&[Problem::new(
        ["body"],
        format!("JSON decode error: {message}"),
        "json_invalid",
    )])
}

fn version_mismatch(mismatch: VersionMismatch, if_version: Option<&IfVersion>) -> ApiError {
    const MESSAGE: &str = "State was modified by another process";
    let expected = if_version.map_or_else(|| mismatch.expected.to_string(), |version| version.text.clone());
    let actual = mismatch.actual.to_string();
    let detail = Object::new()
        .string("error", "version_mismatch")
        .string("message", MESSAGE)
        .raw("expected_version", &expected)
        .raw("actual_version", &actual);
    ApiError::new(StatusCode::CONFLICT, "version_mismatch", MESSAGE)
        .with("expected_version", expected)
        .with("actual_version", actual)
        .with_raw_detail(detail.finish())
        .retry()
}

fn state_too_large(too_large: &TooLarge) -> ApiError {
    let TooLarge {
        key,
        current_bytes,
        size_bytes,
        limit_bytes,
    } = too_large;
    let message = format!("State size ({size_bytes} bytes) exceeds limit ({limit_bytes} bytes)");
    ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "state_too_large", message.clone())
        .with("key", json::string(key))
        .with("current_size_bytes", current_bytes.to_string())
        .with("size_bytes", size_bytes.to_string())
        .with("limit_bytes", limit_bytes.to_string())
        .with("free_bytes", limit_bytes.saturating_sub(*current_bytes).to_string())
        .with_detail(message)
}

fn value_too_large(too_large: &ValueTooLarge) -> ApiError {
    let ValueTooLarge {
        key,
        size_bytes,
        limit_bytes,
    } = too_large;
    let message = format!("Value size ({size_bytes} bytes) exceeds limit ({limit_bytes} bytes)");
    ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "value_too_large", message.clone())
        .with("key", json::string(key))
        .with("size_bytes", size_bytes.to_string())
        .with("limit_bytes", limit_bytes.to_string())
        .with_detail(message)
}

fn idempotency_key_reused() -> ApiError {
    let problem = Problem::new(
        ["header", "idempotency-key"],
        "was sent with another request before; take a new key for a new request",
        "idempotency_key_reused",
    );
    ApiError::invalid_request(&[problem]).called("idempotency_key_reused")
}

fn precondition_failed(key: &str, precondition: &Precondition, failure: &CheckFailure) -> ApiError {
    let Precondition::KeyVersion(expected) = precondition else {
        return ApiError::precondition_failed(key, failure.key_version);
    };
    let actual = failure.key_version.unwrap_or(0);
    let message = format!(
        "key {} was modified by another process: read it again and decide again",
        json::string(key)
    );
    ApiError::new(StatusCode::CONFLICT, "key_version_mismatch", message)
        .with("key", json::string(key))
        .with("expected_key_version", expected.text.clone())
        .with("actual_key_version", actual.to_string())
        .with_detail("key_version_mismatch")
        .retry()
}

/// What an argument of the engine's is called over HTTP.
pub(super) fn field(argument: &InvalidArgument) -> &str {
    match argument.name.as_str() {
        "max-length" => "max_len",
        "milliseconds" => "ttl_ms",
        name => name,
    }
}

/// What kind of problem a wrong argument is.
pub(super) fn kind(argument: &InvalidArgument) -> &'static str {
    match argument.name.as_str() {
        "by" => "int_parsing",
        _ => "value_error",
    }
}

/// The engine gave a reason that nothing in the request can have.
pub(super) fn unexpected() -> ApiError {
    ApiError::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "engine_failed",
        "the engine gave an answer that makes no sense",
    )
}
