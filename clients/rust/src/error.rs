//! What can go wrong, by what a caller would do about it.

use serde_json::Value;

/// Why a call gave no result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The settings do not name a service and a token.
    #[error("{0}")]
    Configuration(String),
    /// Somebody else changed what the call was based on: a condition (`if_version`, `nx`, …) does not hold, or a lease is
    /// another's. Read again and decide again.
    #[error("{0}")]
    Conflict(Box<Refusal>),
    /// The key, or the place in its value, does not exist.
    #[error("{0}")]
    NotFound(Box<Refusal>),
    /// The state or the value would become too large; [`Refusal::free_bytes`] tells the room that is left.
    #[error("{0}")]
    TooLarge(Box<Refusal>),
    /// The token does not hold: it is missing, broken, or its time is over.
    #[error("{0}")]
    Unauthorized(Box<Refusal>),
    /// The token holds and does not allow this.
    #[error("{0}")]
    Forbidden(Box<Refusal>),
    /// The automation was deleted, and its state with it.
    #[error("{0}")]
    Deleted(Box<Refusal>),
    /// The request is wrong; sending it again does not help.
    #[error("{0}")]
    Invalid(Box<Refusal>),
    /// The service could not carry it out now, also not when it was asked again.
    #[error("{0}")]
    Unavailable(Box<Refusal>),
    /// An answer to a write got lost, and asking again told nothing: it may have happened or not.
    #[error("a write may have happened or not: its answer got lost, and then: {0}")]
    OutcomeUnknown(String),
    /// The service could not be reached, or gave no answer in time, also not when it was asked again.
    #[error("no answer from {url}: {problem}")]
    Unreachable {
        /// Whom the call was for.
        url: String,
        /// What happened last.
        problem: String,
    },
    /// What answered is not this service.
    #[error("{url} gave an answer that is not the service's: {problem}")]
    NotTheService {
        /// Who answered.
        url: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A value does not fit the type that it was to be read as or written from.
    #[error("the value of {key:?} does not fit: {source}")]
    Value {
        /// The key.
        key: String,
        /// Why not.
        source: serde_json::Error,
    },
}

/// What the service said when it refused.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// The stable code, such as `version_mismatch`.
    pub code: String,
    /// The text for people.
    pub message: String,
    /// The whole answer.
    pub body: Value,
}

impl Error {
    pub(crate) fn configuration(message: impl Into<String>) -> Self {
        Self::Configuration(message.into())
    }

    pub(crate) fn value(key: &str, source: serde_json::Error) -> Self {
        let key = key.to_owned();
        Self::Value { key, source }
    }

    /// The kind of a refusal, by its status.
    pub(crate) fn refused(refusal: Refusal) -> Self {
        let refusal = Box::new(refusal);
        match refusal.status {
            401 => Self::Unauthorized(refusal),
            403 => Self::Forbidden(refusal),
            404 => Self::NotFound(refusal),
            409 if refusal.code == "kv_store_busy" => Self::Unavailable(refusal),
            409 | 412 => Self::Conflict(refusal),
            410 => Self::Deleted(refusal),
            413 => Self::TooLarge(refusal),
            429 | 500.. => Self::Unavailable(refusal),
            _ => Self::Invalid(refusal),
        }
    }

    /// What the service said, if it was the service that refused.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Conflict(refusal)
            | Self::NotFound(refusal)
            | Self::TooLarge(refusal)
            | Self::Unauthorized(refusal)
            | Self::Forbidden(refusal)
            | Self::Deleted(refusal)
            | Self::Invalid(refusal)
            | Self::Unavailable(refusal) => Some(refusal.as_ref()),
            Self::Configuration(_)
            | Self::OutcomeUnknown(_)
            | Self::Unreachable { .. }
            | Self::NotTheService { .. }
            | Self::Value { .. } => None,
        }
    }
}

impl Refusal {
    /// Reads an answer that is an error. One that is not the service's, a proxy's for instance, is told by its status.
    pub(crate) fn read(status: u16, body: &str) -> Self {
        let body: Value = serde_json::from_str(body).unwrap_or_default();
        let text = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
        Self {
            status,
            code: text("error").unwrap_or_else(|| format!("http_{status}")),
            message: text("message").unwrap_or_else(|| format!("the answer was HTTP {status}")),
            body,
        }
    }

    /// The room that was left in the state, in bytes of compact JSON, where the service told it.
    pub fn free_bytes(&self) -> Option<u64> {
        self.body.get("free_bytes")?.as_u64()
    }

    /// Whether the request may have been carried out all the same.
    pub(crate) fn is_uncertain(&self) -> bool {
        matches!(self.status, 502 | 504) || self.code == "outcome_unknown"
    }

    /// Whether it is the service's own word that nothing was written, and that another attempt may succeed.
    pub(crate) fn is_known_to_pass(&self) -> bool {
        matches!(
            self.code.as_str(),
            "kv_store_busy" | "overloaded" | "storage_unavailable"
        )
    }

    /// Whether the same request may be granted a moment later: somebody else was busy, nothing was decided.
    pub(crate) fn is_passing(&self) -> bool {
        match self.status {
            409 => self.code == "kv_store_busy",
            503 => self.code != "not_configured",
            429 | 502 | 504 => true,
            _ => false,
        }
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.message, self.code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_told_apart_by_what_to_do_about_it() {
        let kind = |status, code: &str| Error::refused(Refusal::read(status, &format!(r#"{{"error":"{code}"}}"#)));
        assert!(matches!(kind(409, "version_mismatch"), Error::Conflict(_)));
        assert!(matches!(kind(409, "kv_store_busy"), Error::Unavailable(_)));
        assert!(matches!(kind(412, "precondition_failed"), Error::Conflict(_)));
        assert!(matches!(kind(422, "invalid_request"), Error::Invalid(_)));
        assert!(matches!(kind(507, "x"), Error::Unavailable(_)));
    }

    #[test]
    fn an_answer_that_is_not_the_services_has_its_status_as_code() {
        let refusal = Refusal::read(502, "<html>Bad gateway</html>");
        assert_eq!((refusal.code.as_str(), refusal.is_passing()), ("http_502", true));
    }
}
