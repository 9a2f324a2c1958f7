//! Every error answer, in the superset that serves both generations of clients:
//! `{"error": code, "message": what to do, …, "detail": what the Python service put there}`.
//!
//! Each layer's errors become answers here and nowhere else. What is ours to know (causes, backtraces)
//! goes to the log and never into an answer.

mod forbidden;
mod operation_failed;
mod plugin;
mod refused;
mod rejection;

use axum::http::header::{CONTENT_TYPE, ETAG, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use super::json::{self, Object};
use crate::engine::EngineError;
use crate::report::Chain;
use crate::service::ServiceError;
use crate::storage::StorageError;
use crate::token::TokenError;

pub(super) use plugin::{call_refused, call_rejected};
pub(super) use rejection::{Asked, BatchItem, batch_refused, rejected};

/// An error answer.
#[derive(Debug)]
pub(super) struct ApiError {
    status: StatusCode,
    code: &'static str,
    message: Box<str>,
    /// Members before `error`, JSON text each.
    leading: Vec<(&'static str, String)>,
    /// Members after `message`, JSON text each.
    more: Vec<(&'static str, String)>,
    /// JSON text.
    detail: Option<Box<str>>,
    /// 0 for no such header.
    retry_after_seconds: u32,
    challenge: bool,
    /// The key's version, if the error is about that.
    key_version: Option<u64>,
}

/// One thing that is wrong with the shape of a request.
#[derive(Debug, Clone)]
pub(super) struct Problem {
    /// Where: `["query", "nx"]`, `["body", "operations", "3", "by"]`.
    pub(super) location: Vec<String>,
    /// What, for people.
    pub(super) message: String,
    /// What, for programs: `missing`, `extra_forbidden`, `int_type`, …
    pub(super) kind: &'static str,
}

impl ApiError {
    pub(super) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into().into_boxed_str(),
            leading: Vec::new(),
            more: Vec::new(),
            detail: None,
            retry_after_seconds: 0,
            challenge: false,
            key_version: None,
        }
    }

    /// Sets `detail` to a string.
    pub(super) fn with_detail(self, detail: impl AsRef<str>) -> Self {
        self.with_raw_detail(json::string(detail.as_ref()))
    }

    /// Sets `detail` to JSON text.
    pub(super) fn with_raw_detail(mut self, detail: String) -> Self {
        self.detail = Some(detail.into_boxed_str());
        self
    }

    /// Adds a member, JSON text, behind `message`.
    pub(super) fn with(mut self, name: &'static str, json: String) -> Self {
        self.more.push((name, json));
        self
    }

    /// Puts a member, JSON text, first.
    pub(super) fn led_by(mut self, name: &'static str, json: String) -> Self {
        self.leading.push((name, json));
        self
    }

    /// Says that the same request may succeed in a second.
    pub(super) fn retry(self) -> Self {
        self.retry_after(1)
    }

    /// Says when the same request may succeed.
    pub(super) fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after_seconds = u32::try_from(seconds).unwrap_or(u32::MAX);
        self
    }

    /// 412 for a conditional header that does not hold. A key that exists has a version.
    pub(super) fn precondition_failed(key: &str, key_version: Option<u64>) -> Self {
        let message = match key_version {
            Some(version) => format!("key {} has the tag \"{version}\" now", json::string(key)),
            None => format!("key {} does not exist", json::string(key)),
        };
        let mut error = Self::new(StatusCode::PRECONDITION_FAILED, "precondition_failed", message)
            .with("key", json::string(key))
            .with_detail("precondition_failed");
        error.key_version = key_version;
        error
    }

    /// The status of the answer.
    pub(super) fn status(&self) -> StatusCode {
        self.status
    }

    /// Gives it another code.
    fn called(mut self, code: &'static str) -> Self {
        self.code = code;
        self
    }

    /// 422 for a request of the wrong shape.
    pub(super) fn invalid_request(problems: &[Problem]) -> Self {
        let message = problems
            .iter()
            .map(|problem| format!("{}: {}", problem.location.join("."), problem.message))
            .collect::<Vec<_>>()
            .join("; ");
        let detail = json::list(problems.iter().map(|problem| {
            Object::new()
                .raw("loc", &json::list(problem.location.iter().map(|step| json_step(step))))
                .string("msg", &problem.message)
                .string("type", problem.kind)
                .finish()
        }));
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_request", message).with_raw_detail(detail)
    }

    /// 400 for a key that breaks a rule.
    pub(super) fn invalid_key(message: &str) -> Self {
        Self::content("invalid_key", message)
    }

    /// 400 for a value that cannot be kept.
    pub(super) fn invalid_value(message: &str) -> Self {
        Self::content("invalid_value", message)
    }

    fn content(code: &'static str, message: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message).with_detail(format!("{code}: {message}"))
    }

    /// 422 for a missing `Authorization` header, as scripts know it.
    pub(super) fn no_authorization() -> Self {
        let problem = Problem::new(["header", "authorization"], "Field required", "missing");
        let mut error = Self::invalid_request(&[problem]).called("missing_authorization");
        error.message = "send the header `Authorization: Bearer <token>` with the automation's token".into();
        error.challenge = true;
        error
    }

    /// 401.
    pub(super) fn unauthorized(code: &'static str, detail: &str, message: &str) -> Self {
        let mut error = Self::new(StatusCode::UNAUTHORIZED, code, message).with_detail(detail);
        error.challenge = true;
        error
    }

    /// 403 for a token that is good for something else.
    pub(super) fn forbidden(message: &str) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", message).with_detail(message)
    }

    /// 503 while there is no secret.
    pub(super) fn not_configured() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "not_configured",
            "the service has no secret; its operator must set AUTOMATION_KV_SECRET",
        )
        .with_detail("KV store not configured (missing AUTOMATION_KV_SECRET)")
    }

    /// 413 for a body that is larger than any request needs.
    pub(super) fn body_too_large(limit_bytes: usize) -> Self {
        let message = format!("Request body exceeds limit ({limit_bytes} bytes)");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", message.clone())
            .with("limit_bytes", limit_bytes.to_string())
            .with_detail(message)
    }

    /// The body of the answer.
    pub(super) fn body(&self) -> String {
        let mut object = Object::new();
        for (name, json) in &self.leading {
            object = object.raw(name, json);
        }
        object = object.string("error", self.code).string("message", &self.message);
        for (name, json) in &self.more {
            object = object.raw(name, json);
        }
        if let Some(detail) = &self.detail {
            object = object.raw("detail", detail);
        }
        object.finish()
    }
}

impl Problem {
    pub(super) fn new<'a>(
        location: impl IntoIterator<Item = &'a str>,
        message: impl Into<String>,
        kind: &'static str,
    ) -> Self {
        Self {
            location: location.into_iter().map(ToString::to_string).collect(),
            message: message.into(),
            kind,
        }
    }
}

/// A step of a location: list indexes are numbers there.
fn json_step(step: &str) -> String {
    if step.bytes().all(|byte| byte.is_ascii_digit()) && !step.is_empty() {
        step.to_string()
    } else {
        json::string(step)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = (self.status, self.body()).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if self.retry_after_seconds > 0 {
            headers.insert(RETRY_AFTER, HeaderValue::from(self.retry_after_seconds));
        }
        if let Some(version) = self.key_version {
            headers.insert(ETAG, tag(version));
        }
        if self.challenge {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// The tag of a key at a version, as [`ETAG`] holds it.
pub(super) fn tag(key_version: u64) -> HeaderValue {
    // Digits in quotes are always fit for a header.
    HeaderValue::from_str(&format!("\"{key_version}\"")).unwrap_or_else(|_| HeaderValue::from_static("\"\""))
}

impl From<TokenError> for ApiError {
    fn from(error: TokenError) -> Self {
        let (code, message) = match &error {
            TokenError::Expired => (
                "token_expired",
                "the token's time is over; ask the platform for a new one",
            ),
            _ => (
                "invalid_token",
                "the token is not one that this service accepts; ask the platform for a new one",
            ),
        };
        Self::unauthorized(code, &error.to_string(), message)
    }
}

impl From<ServiceError> for ApiError {
    fn from(error: ServiceError) -> Self {
        const BUSY: &str = "kv_store_busy: another operation is in progress, please retry";
        let unavailable = |code, message: &str| {
            Self::new(StatusCode::SERVICE_UNAVAILABLE, code, message)
                .with_detail(message)
                .retry()
        };
        match &error {
            ServiceError::Busy => Self::new(
                StatusCode::CONFLICT,
                "kv_store_busy",
                "another operation is in progress, please retry",
            )
            .with_detail(BUSY)
            .retry(),
            ServiceError::Deleted => Self::new(
                StatusCode::GONE,
                "automation_deleted",
                "the automation was deleted, and its state with it",
            )
            .with_detail("automation_deleted"),
            ServiceError::UnknownAutomation => Self::new(
                StatusCode::NOT_FOUND,
                "automation_not_found",
                "the platform does not know this automation, or has deleted it",
            )
            .with_detail("automation_not_found"),
            ServiceError::Storage(StorageError::Full(_)) => {
                log_failure(&error);
                let message = "the storage has no room left; delete something, or ask the operator";
                Self::new(StatusCode::INSUFFICIENT_STORAGE, "storage_full", message)
                    .with_detail(message)
                    .retry()
            }
            ServiceError::Storage(StorageError::OutcomeUnknown(_)) => {
                log_failure(&error);
                unavailable(
                    "outcome_unknown",
                    "the storage was lost while saving: the write may have happened or not; read before you repeat it",
                )
            }
            ServiceError::Overloaded => {
                unavailable("overloaded", "too many writes wait for this automation, please retry")
            }
            ServiceError::TimedOut | ServiceError::Storage(_) => {
                log_failure(&error);
                unavailable("storage_unavailable", "the storage is not available, please retry")
            }
            ServiceError::Engine(engine) => {
                log_failure(&error);
                let (code, message) = match **engine {
                    EngineError::Undecryptable(_) => ("decrypt_failed", "Failed to decrypt value"),
                    EngineError::Unreadable(_) => ("state_unreadable", "the stored state cannot be read"),
                    _ => ("engine_failed", "the engine failed; nothing was changed"),
                };
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, code, message).with_detail(message)
            }
            ServiceError::Dropped => {
                log_failure(&error);
                let message = "the request was dropped by the service";
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "dropped", message).with_detail(message)
            }
        }
    }
}

/// The chain of causes, once, at the edge.
fn log_failure(error: &ServiceError) {
    tracing::error!(error = %Chain(error), "a request failed");
}
