//! What the body of a `PATCH` is, by its media type.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;

use crate::api::Api;

/// The kinds of bodies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::api) enum PatchFormat {
    /// Ours, whatever other type is said.
    Steps,
    /// RFC 6902.
    JsonPatch,
    /// RFC 7396.
    MergePatch,
}

impl FromRequestParts<Api> for PatchFormat {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &Api) -> Result<Self, Infallible> {
        let media_type = parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        Ok(media_type.map_or(Self::Steps, Self::of))
    }
}

impl PatchFormat {
    /// Parameters such as `charset` do not matter, nor does case.
    fn of(media_type: &str) -> Self {
        let essence = media_type.split(';').next().unwrap_or_default().trim();
        match essence.to_ascii_lowercase().as_str() {
            "application/json-patch+json" => Self::JsonPatch,
            "application/merge-patch+json" => Self::MergePatch,
            _ => Self::Steps,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_types_are_told_from_all_others() {
        assert_eq!(
            PatchFormat::of("Application/JSON-Patch+json; charset=utf-8"),
            PatchFormat::JsonPatch
        );
        assert_eq!(PatchFormat::of("application/merge-patch+json"), PatchFormat::MergePatch);
        for other in [
            "",
            "application/json",
            "application/x-www-form-urlencoded",
            "json-patch+json",
        ] {
            assert_eq!(PatchFormat::of(other), PatchFormat::Steps, "{other}");
        }
    }
}
