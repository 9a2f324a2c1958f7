//! The engine's rejections as the contract words them: single operations and batches have different
//! statuses and texts, which scripts rely on.

use axum::http::StatusCode;

use super::{ApiError, Problem};
use crate::api::json::{self, Object};
use crate::engine::types::{Kind, Reason, Rejection, TooLarge, TypeMismatch, VersionMismatch};

/// An operation of a batch, as far as an error names it.
pub(in crate::api) struct BatchOperation<'a> {
    pub(in crate::api) name: &'a str,
    pub(in crate::api) key: &'a str,
}

/// The answer to a refused single operation on `key`. `expected_version` is what the caller wrote.
pub(in crate::api) fn rejected(reason: &Reason, key: &str, expected_version: Option<&str>) -> ApiError {
    common(reason, expected_version).unwrap_or_else(|| single(reason, key))
}

/// The answer to a refused batch.
pub(in crate::api) fn batch_rejected(
    rejection: &Rejection,
    operations: &[BatchOperation<'_>],
    expected_version: Option<&str>,
) -> ApiError {
    let index = rejection.operation.unwrap_or(0) as usize;
    match (&rejection.reason, operations.get(index)) {
        (Reason::InvalidArgument(argument), _) => {
            let index = index.to_string();
            let location = ["body", "operations", index.as_str(), argument.name.as_str()];
            ApiError::invalid_request(&[Problem::new(location, &argument.message, "int_parsing")])
        }
        (reason, Some(operation)) => {
            common(reason, expected_version).unwrap_or_else(|| operation_failed(reason, index, operation))
        }
        (reason, None) => rejected(reason, "", expected_version),
    }
}

/// What is the same for single operations and batches.
fn common(reason: &Reason, expected_version: Option<&str>) -> Option<ApiError> {
    match reason {
        Reason::InvalidJson(message) => Some(invalid_json(message)),
        Reason::InvalidValue(message) => Some(ApiError::invalid_value(message)),
        Reason::VersionMismatch(mismatch) => Some(version_mismatch(mismatch, expected_version)),
        Reason::TooLarge(too_large) => Some(state_too_large(too_large)),
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

fn version_mismatch(mismatch: &VersionMismatch, expected: Option<&str>) -> ApiError {
    const MESSAGE: &str = "State was modified by another process";
    let expected = expected.map_or_else(|| mismatch.expected.to_string(), ToString::to_string);
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

fn single(reason: &Reason, key: &str) -> ApiError {
    let not_found = |code, message: &str| ApiError::new(StatusCode::NOT_FOUND, code, message).with_detail(code);
    match reason {
        Reason::InvalidKey(message) => ApiError::invalid_key(message),
        Reason::InvalidPath(message) => ApiError::content("invalid_path", message),
        Reason::InvalidArgument(argument) => {
            ApiError::invalid_request(&[Problem::new(["body", &argument.name], &argument.message, "int_parsing")])
        }
        Reason::KeyExists => ApiError::new(
            StatusCode::CONFLICT,
            "key_exists",
            format!("key {} already exists (nx=true)", json::string(key)),
        )
        .led_by("key", json::string(key))
        .led_by("created", "false".to_string()),
        Reason::KeyAbsent => ApiError::new(
            StatusCode::CONFLICT,
            "key_not_exists",
            format!("key {} does not exist (xx=true)", json::string(key)),
        )
        .with_detail("key_not_exists"),
        Reason::KeyNotFound => not_found("key_not_found", &format!("key {} does not exist", json::string(key))),
        Reason::PathNotFound => not_found(
            "invalid_path",
            &format!("the path leads nowhere in the value of key {}", json::string(key)),
        ),
        Reason::TypeMismatch(mismatch) => ApiError::content("type_mismatch", single_mismatch(*mismatch)),
        Reason::InvalidJson(_) | Reason::InvalidValue(_) | Reason::VersionMismatch(_) | Reason::TooLarge(_) => {
            unexpected()
        }
    }
}

fn single_mismatch(mismatch: TypeMismatch) -> &'static str {
    match (mismatch.expected, mismatch.found) {
        (Kind::Integer, Kind::Boolean) => "value is boolean, not integer",
        (Kind::Integer, Kind::Float) => "value is float, not integer (integer required)",
        (Kind::Integer, _) => "value is not an integer",
        (Kind::List, _) => "value is not a list",
        _ => "value is not an object",
    }
}

fn operation_failed(reason: &Reason, index: usize, operation: &BatchOperation<'_>) -> ApiError {
    let key = operation.key;
    let (reason, message) = match reason {
        Reason::InvalidKey(message) => ("invalid_key", message.clone()),
        Reason::InvalidPath(message) => ("invalid_path", message.clone()),
        Reason::KeyExists => ("key_exists", format!("key '{key}' already exists (nx=true)")),
        Reason::KeyAbsent => ("key_not_exists", format!("key '{key}' does not exist (xx=true)")),
        Reason::KeyNotFound => ("key_not_found", format!("key '{key}' does not exist")),
        Reason::PathNotFound => (
            "invalid_path",
            format!("the path leads nowhere in the value of key '{key}'"),
        ),
        Reason::TypeMismatch(mismatch) => {
            let problem = match (mismatch.expected, mismatch.found) {
                (Kind::Integer, Kind::Boolean) => "is boolean, not integer",
                (Kind::Integer, _) => "is not an integer",
                (Kind::List, _) => "is not a list",
                _ => "is not an object",
            };
            ("type_mismatch", format!("key '{key}' {problem}"))
        }
        _ => return unexpected(),
    };
    let detail = Object::new()
        .string("error", "operation_failed")
        .string("message", &message)
        .raw("operation_index", &index.to_string())
        .raw(
            "operation",
            &Object::new().string("op", operation.name).string("key", key).finish(),
        );
    ApiError::new(StatusCode::BAD_REQUEST, "operation_failed", message)
        .with("reason", json::string(reason))
        .with("operation_index", index.to_string())
        .with_raw_detail(detail.finish())
}

/// `common` has dealt with the cases that come here.
fn unexpected() -> ApiError {
    ApiError::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "engine_failed",
        "the engine gave an answer that makes no sense",
    )
}
