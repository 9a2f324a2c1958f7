//! Query parameters, strictly: an unknown one is a mistake, not a wish.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::api::Api;
use crate::api::error::{ApiError, Problem};
use crate::api::expiry;
use crate::api::fields;
use crate::api::if_version::IfVersion;
use crate::engine::types::Expiry;
use crate::vault::TimestampMs;

/// The parameters of a request. Of repeated ones the last counts.
pub(in crate::api) struct Query {
    parameters: Vec<(String, String)>,
}

impl FromRequestParts<Api> for Query {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &Api) -> Result<Self, ApiError> {
        let query = parts.uri.query().unwrap_or_default();
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        let parameters = pairs
            .map(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                Ok((decode(name)?, decode(value)?))
            })
            .collect::<Result<_, ApiError>>()?;
        Ok(Self { parameters })
    }
}

impl Query {
    /// Refuses parameters with other names than these.
    pub(in crate::api) fn allow(self, names: &[&str]) -> Result<Self, ApiError> {
        let unknown = self
            .parameters
            .iter()
            .filter(|(name, _)| !names.contains(&name.as_str()));
        let allowed = if names.is_empty() {
            "none is known here".to_string()
        } else {
            format!("known here: {}", names.join(", "))
        };
        let problems: Vec<Problem> = unknown
            .map(|(name, _)| {
                Problem::new(
                    ["query", name],
                    format!("unknown parameter ({allowed})"),
                    "extra_forbidden",
                )
            })
            .collect();
        if problems.is_empty() {
            Ok(self)
        } else {
            Err(ApiError::invalid_request(&problems))
        }
    }

    /// The text of a parameter.
    pub(in crate::api) fn text(&self, name: &str) -> Option<&str> {
        let mut named = self.parameters.iter().rev().filter(|(candidate, _)| candidate == name);
        named.next().map(|(_, value)| value.as_str())
    }

    /// A flag; absent is false.
    pub(in crate::api) fn flag(&self, name: &str) -> Result<bool, ApiError> {
        let Some(text) = self.text(name) else {
            return Ok(false);
        };
        fields::flag_from_text(text).ok_or_else(|| invalid(name, fields::FLAG_EXPECTED, "bool_parsing"))
    }

    /// The version that the state must have.
    pub(in crate::api) fn if_version(&self) -> Result<Option<IfVersion>, ApiError> {
        const NAME: &str = "if_version";
        let Some(text) = self.text(NAME) else {
            return Ok(None);
        };
        let version = IfVersion::from_query(text);
        version
            .map(Some)
            .ok_or_else(|| invalid(NAME, "must be an integer", "int_parsing"))
    }

    /// The version that the key must have; 0 is that of an absent one.
    pub(in crate::api) fn if_key_version(&self) -> Result<Option<IfVersion>, ApiError> {
        const NAME: &str = "if_key_version";
        let Some(text) = self.text(NAME) else {
            return Ok(None);
        };
        let version = IfVersion::from_query(text).filter(|version| version.number >= 0);
        version.map(Some).ok_or_else(|| {
            let message = "must be an integer, at least 0 (for a key that must not exist)";
            invalid(NAME, message, "int_parsing")
        })
    }

    /// The index of an item, counted from either end.
    pub(in crate::api) fn index(&self, name: &str) -> Result<Option<i64>, ApiError> {
        let Some(text) = self.text(name) else {
            return Ok(None);
        };
        let index = fields::index_from_text(text);
        index
            .map(Some)
            .ok_or_else(|| invalid(name, fields::INDEX_EXPECTED, "int_parsing"))
    }

    /// How many entries a page is to have, at most.
    pub(in crate::api) fn limit(&self, most: u32) -> Result<Option<u32>, ApiError> {
        const NAME: &str = "limit";
        let Some(text) = self.text(NAME) else {
            return Ok(None);
        };
        let limit = text.parse().ok().filter(|limit| (1..=most).contains(limit));
        let message = format!("must be an integer from 1 to {most}");
        limit.map(Some).ok_or_else(|| invalid(NAME, &message, "int_parsing"))
    }

    /// How long the key is to live: `ex`, `px`, `exat` or `keepttl`.
    pub(in crate::api) fn expiry(&self, now: TimestampMs) -> Result<Option<Expiry>, ApiError> {
        let keep = self.flag(expiry::KEEP)?;
        let given = expiry::NAMES.map(|name| (name, self.text(name)));
        expiry::choose(&given, keep, now).map_err(|faults| {
            let problem = |fault: &expiry::Fault| Problem::new(["query", fault.name], &*fault.message, fault.kind);
            ApiError::invalid_request(&faults.iter().map(problem).collect::<Vec<_>>())
        })
    }
}

fn invalid(name: &str, message: &str, kind: &'static str) -> ApiError {
    ApiError::invalid_request(&[Problem::new(["query", name], message, kind)])
}

/// Decodes a name or value of `application/x-www-form-urlencoded`.
fn decode(text: &str) -> Result<String, ApiError> {
    let spaced = text.replace('+', " ");
    let decoded = percent_encoding::percent_decode_str(&spaced).decode_utf8();
    decoded.map(String::from).map_err(|_| {
        let problem = Problem::new(
            ["query"],
            "a parameter is not UTF-8 after percent-decoding",
            "string_unicode",
        );
        ApiError::invalid_request(&[problem])
    })
}
