//! Why a plugin's call was refused.

use axum::http::StatusCode;

use super::ApiError;
use super::forbidden::forbidden;
use super::rejection::common;
use crate::api::if_version::IfVersion;
use crate::api::json;
use crate::engine::plugin::CallError;
use crate::engine::types::{Reason, Rejection, Scope};

impl ApiError {
    /// 404 for a name that no plugin has.
    pub(in crate::api) fn no_plugin(name: &str) -> Self {
        let message = format!(
            "there is no plugin named {}; GET /v1/plugins lists them",
            json::string(name)
        );
        Self::new(StatusCode::NOT_FOUND, "plugin_not_found", message).with_detail("plugin_not_found")
    }
}

/// The answer to a call that the plugin, or its sandbox, refused.
pub(in crate::api) fn call_refused(plugin: &str, error: &CallError, scope: Option<&Scope>) -> ApiError {
    let new = |status, code, message: String| ApiError::new(status, code, message).with_detail(code);
    let refused = match error {
        CallError::InvalidInput(message) => new(StatusCode::BAD_REQUEST, "invalid_input", message.clone()),
        CallError::Failed(message) => new(StatusCode::BAD_REQUEST, "plugin_failed", message.clone()),
        CallError::Conflict(message) => new(StatusCode::CONFLICT, "plugin_conflict", message.clone()),
        CallError::Rejected(rejection) => return rejected(plugin, rejection, scope),
        CallError::Fault(fault) => {
            let message = format!("the plugin {plugin} {fault}; nothing was changed");
            new(StatusCode::INTERNAL_SERVER_ERROR, "plugin_fault", message).with("fault", json::string(fault.name()))
        }
    };
    refused.with("plugin", json::string(plugin))
}

/// The answer where the terms of the call did not hold.
pub(in crate::api) fn call_rejected(
    reason: &Reason,
    if_version: Option<&IfVersion>,
    scope: Option<&Scope>,
) -> ApiError {
    common(reason, if_version, scope).unwrap_or_else(super::rejection::unexpected)
}

/// An operation was refused that only the plugin knows.
fn rejected(plugin: &str, rejection: &Rejection, scope: Option<&Scope>) -> ApiError {
    let refused = match &rejection.reason {
        Reason::Forbidden(what) => forbidden(what, scope),
        reason @ (Reason::TooLarge(_) | Reason::ValueTooLarge(_)) => call_rejected(reason, None, scope),
        reason => {
            let (name, what) = name(reason);
            let message = format!("an operation of the plugin {plugin} was refused: {what}");
            ApiError::new(StatusCode::CONFLICT, "plugin_rejected", message)
                .with_detail("plugin_rejected")
                .with("reason", json::string(name))
        }
    };
    refused.with("plugin", json::string(plugin))
}

fn name(reason: &Reason) -> (&'static str, String) {
    let (name, what) = match reason {
        Reason::InvalidJson(message) => ("invalid_json", message.as_str()),
        Reason::InvalidValue(message) => ("invalid_value", message.as_str()),
        Reason::InvalidKey(message) => ("invalid_key", message.as_str()),
        Reason::InvalidPath(message) => ("invalid_path", message.as_str()),
        Reason::InvalidArgument(argument) => ("invalid_argument", argument.message.as_str()),
        Reason::VersionMismatch(_) => ("version_mismatch", "the state has another version"),
        Reason::KeyExists => ("key_exists", "a key exists already"),
        Reason::KeyAbsent => ("key_not_exists", "a key does not exist"),
        Reason::KeyNotFound => ("key_not_found", "a key does not exist"),
        Reason::PathNotFound => ("path_not_found", "a path leads nowhere"),
        Reason::TypeMismatch(_) => ("type_mismatch", "a value is of another type"),
        Reason::CheckFailed(_) => ("check_failed", "a check did not hold"),
        Reason::Held(_) => ("held", "a lease is another owner's"),
        Reason::NotHeld => ("not_held", "a lease is not held"),
        Reason::NotALease => ("not_a_lease", "a value is no lease"),
        Reason::OnceMismatch => ("once_mismatch", "a request was another one before"),
        Reason::Forbidden(_) => ("forbidden", "the token does not allow it"),
        Reason::TooLarge(_) | Reason::ValueTooLarge(_) => ("too_large", "something would be too large"),
    };
    (name, what.to_string())
}
