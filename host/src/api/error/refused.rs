//! Why a single call was refused.

use axum::http::StatusCode;

use super::rejection::{field, kind, unexpected};
use super::{ApiError, Problem};
use crate::api::json;
use crate::engine::types::{EditOperation, InvalidArgument, Kind, Lease, Operation, Reason, Step, TypeMismatch};
use crate::vault::TimestampMs;

/// The answer to a refused call on `key`; `operation` is the one that the engine did not carry out.
pub(super) fn refused(reason: &Reason, key: &str, operation: Option<&Operation>, now: TimestampMs) -> ApiError {
    let shown = json::string(key);
    let not_found = |code, message: &str| ApiError::new(StatusCode::NOT_FOUND, code, message).with_detail(code);
    match reason {
        Reason::InvalidKey(message) => ApiError::invalid_key(message),
        Reason::InvalidPath(message) => ApiError::content("invalid_path", message),
        Reason::InvalidArgument(argument) => invalid_argument(argument, operation),
        Reason::KeyExists => ApiError::new(
            StatusCode::CONFLICT,
            "key_exists",
            format!("key {shown} already exists (nx=true)"),
        )
        .led_by("key", shown)
        .led_by("created", "false".to_string()),
        Reason::KeyAbsent => ApiError::new(
            StatusCode::CONFLICT,
            "key_not_exists",
            format!("key {shown} does not exist (xx=true)"),
        )
        .with_detail("key_not_exists"),
        Reason::KeyNotFound => not_found("key_not_found", &format!("key {shown} does not exist")),
        Reason::PathNotFound => not_found(
            "invalid_path",
            &format!("the path leads nowhere in the value of key {shown}"),
        ),
        Reason::TypeMismatch(mismatch) => ApiError::content("type_mismatch", type_mismatch(*mismatch, operation)),
        Reason::CheckFailed(_) => match operation {
            Some(Operation::Edit(edit)) => test_failed(&shown, edit),
            _ => unexpected(),
        },
        Reason::Held(lease) => held(&shown, lease, now),
        Reason::NotHeld => not_held(&shown),
        Reason::NotALease => not_a_lease(&shown),
        Reason::Forbidden(_)
        | Reason::InvalidJson(_)
        | Reason::InvalidValue(_)
        | Reason::VersionMismatch(_)
        | Reason::TooLarge(_)
        | Reason::ValueTooLarge(_)
        | Reason::OnceMismatch => unexpected(),
    }
}

fn invalid_argument(argument: &InvalidArgument, operation: Option<&Operation>) -> ApiError {
    let place = match operation {
        Some(Operation::ListKeys(_)) => "query",
        _ => "body",
    };
    ApiError::invalid_request(&[Problem::new(
        [place, field(argument)],
        &argument.message,
        kind(argument),
    )])
}

fn type_mismatch(mismatch: TypeMismatch, operation: Option<&Operation>) -> &'static str {
    match (mismatch.expected, mismatch.found) {
        (Kind::Integer, Kind::Boolean) => "value is boolean, not integer",
        (Kind::Integer, Kind::Float) => "value is float, not integer (integer required)",
        (Kind::Integer, _) => "value is not an integer",
        (Kind::List, _) => "value is not a list",
        _ if matches!(operation, Some(Operation::Remove(_))) => "value is not a list or an object",
        _ => "value is not an object",
    }
}

fn test_failed(key: &str, edit: &EditOperation) -> ApiError {
    let message = format!("a test of the patch does not hold for key {key}; nothing was changed");
    let error = ApiError::new(StatusCode::CONFLICT, "test_failed", message).with_detail("test_failed");
    match only_test(&edit.steps) {
        Some(index) => error.with("operation_index", index.to_string()),
        None => error,
    }
}

/// Where the test is, if there is only one: then it is the one that failed.
fn only_test(steps: &[Step]) -> Option<usize> {
    let mut tests = steps
        .iter()
        .enumerate()
        .filter(|(_, step)| matches!(step, Step::Test(_)));
    let (index, _) = tests.next()?;
    tests.next().is_none().then_some(index)
}

fn not_a_lease(key: &str) -> ApiError {
    let message = format!("the value of key {key} is not a lease; claim another key");
    ApiError::content("not_a_lease", &message)
}

fn not_held(key: &str) -> ApiError {
    let message = format!("the lease {key} is not held by this owner (with this fence); claim it again");
    ApiError::new(StatusCode::CONFLICT, "not_held", message).with_detail("not_held")
}

fn held(key: &str, lease: &Lease, now: TimestampMs) -> ApiError {
    let seconds = lease.expires_at.saturating_sub(now).div_ceil(1000).max(1);
    let message = format!("the lease {key} is held by {}", json::string(&lease.owner));
    ApiError::new(StatusCode::CONFLICT, "held", message)
        .with("owner", json::string(&lease.owner))
        .with("fence", lease.fence.to_string())
        .with("expires_at", json::time(lease.expires_at))
        .with_detail("held")
        .retry_after(seconds)
}
