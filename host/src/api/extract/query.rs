//! Query parameters, strictly: an unknown one is a mistake, not a wish.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::api::Api;
use crate::api::error::{ApiError, Problem};
use crate::api::fields::{self, IfVersion};

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
