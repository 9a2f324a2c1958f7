//! Why an operation of a batch was refused, and the batch with it.

use axum::http::StatusCode;

use super::ApiError;
use super::rejection::{BatchItem, unexpected};
use crate::api::json::{self, Object};
use crate::engine::types::{CheckFailure, CheckOperation, Kind, Operation, Reason, Test, TypeMismatch};

/// The answer to a batch whose item `index` was refused; `operation` is the one of its operations that the engine did not
/// carry out.
pub(super) fn operation_failed(reason: &Reason, index: usize, item: &BatchItem<'_>, operation: &Operation) -> ApiError {
    let (_, key) = item.subject;
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
            let problem = type_mismatch(*mismatch, operation);
            ("type_mismatch", format!("key '{key}' {problem}"))
        }
        Reason::CheckFailed(failure) => check_failed(key, operation, failure),
        Reason::Held(lease) => ("held", format!("key '{key}' is held by '{}'", lease.owner)),
        Reason::NotALease if matches!(operation, Operation::Claim(_)) => {
            ("not_a_lease", format!("key '{key}' is not a lease"))
        }
        Reason::NotALease | Reason::NotHeld => {
            ("not_held", format!("key '{key}' is not a lease that this owner holds"))
        }
        _ => return unexpected(),
    };
    let detail = Object::new()
        .string("error", "operation_failed")
        .string("message", &message)
        .raw("operation_index", &index.to_string())
        .raw(
            "operation",
            &Object::new().string("op", item.name).string("key", key).finish(),
        );
    ApiError::new(StatusCode::BAD_REQUEST, "operation_failed", message)
        .with("reason", json::string(reason))
        .with("operation_index", index.to_string())
        .with_raw_detail(detail.finish())
}

fn type_mismatch(mismatch: TypeMismatch, operation: &Operation) -> &'static str {
    match (mismatch.expected, mismatch.found) {
        (Kind::Integer, Kind::Boolean) => "is boolean, not integer",
        (Kind::Integer, _) => "is not an integer",
        (Kind::List, _) => "is not a list",
        _ if matches!(operation, Operation::Remove(_)) => "is not a list or an object",
        _ => "is not an object",
    }
}

/// What did not hold.
fn check_failed(key: &str, operation: &Operation, failure: &CheckFailure) -> (&'static str, String) {
    match operation {
        Operation::Check(check) => ("check_failed", unmet(check, failure)),
        _ => (
            "test_failed",
            format!("a test of the patch does not hold for key '{key}'"),
        ),
    }
}

fn unmet(check: &CheckOperation, failure: &CheckFailure) -> String {
    let subject = match &check.path {
        Some(path) => format!("path '{path}' of key '{}'", check.key),
        None => format!("key '{}'", check.key),
    };
    match (&check.test, failure.key_version) {
        (Test::Exists, _) => format!("{subject} does not exist"),
        (Test::Absent, _) => format!("{subject} exists"),
        (Test::Equals(_), _) => format!("{subject} does not have this value"),
        (Test::KeyVersion(_), Some(actual)) => format!("key '{}' has the version {actual}", check.key),
        (Test::KeyVersion(_), None) => format!("key '{}' does not exist", check.key),
    }
}
