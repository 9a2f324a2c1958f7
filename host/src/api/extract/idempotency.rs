//! `Idempotency-Key`: which request this is, so that a repetition is known as one.

use axum::extract::FromRequestParts;
use axum::http::HeaderName;
use axum::http::header::{CONTENT_TYPE, IF_MATCH, IF_NONE_MATCH};
use axum::http::request::Parts;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use crate::api::Api;
use crate::api::error::{ApiError, Problem};
use crate::engine::types::Once;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The longest key.
pub(in crate::api) const MAX_KEY_CHARS: usize = 255;

/// What of the request is known before its body.
pub(in crate::api) struct Idempotency {
    /// The key, and the hash of all that makes the request what it is but for the body.
    named: Option<(String, Sha256)>,
}

impl FromRequestParts<Api> for Idempotency {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &Api) -> Result<Self, ApiError> {
        let mut keys = parts.headers.get_all(IDEMPOTENCY_KEY).iter();
        let named = match (keys.next(), keys.next()) {
            (None, _) => None,
            (Some(key), None) => Some(key.to_str().ok().and_then(read).ok_or_else(invalid)?),
            (Some(_), Some(_)) => return Err(invalid()),
        };
        Ok(Self {
            named: named.map(|key| (key, request_hash(parts))),
        })
    }
}

impl Idempotency {
    /// The request as the engine remembers it, if it has a key. Hashes keep what is remembered small.
    pub(in crate::api) fn once(&self, body: &str) -> Option<Once> {
        let (key, request) = self.named.as_ref()?;
        let mut request = request.clone();
        add(&mut request, body.as_bytes());
        Some(Once {
            key: short(Sha256::new_with_prefix(key)),
            fingerprint: short(request),
        })
    }
}

/// The key in the header: plain, or as a string in quotes.
fn read(header: &str) -> Option<String> {
    let inner = header.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let key = inner.unwrap_or(header);
    let is_fine = (1..=MAX_KEY_CHARS).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
    is_fine.then(|| key.to_string())
}

/// Two requests that may have different effects have different hashes.
fn request_hash(parts: &Parts) -> Sha256 {
    let mut hash = Sha256::new();
    add(&mut hash, parts.method.as_str().as_bytes());
    add(&mut hash, parts.uri.path().trim_end_matches('/').as_bytes());
    add(&mut hash, parts.uri.query().unwrap_or_default().as_bytes());
    for name in [IF_MATCH, IF_NONE_MATCH] {
        for line in parts.headers.get_all(&name) {
            add(&mut hash, name.as_str().as_bytes());
            add(&mut hash, line.as_bytes());
        }
    }
    // Elsewhere a body means the same whatever its type.
    if parts.method == axum::http::Method::PATCH {
        let media_type = parts.headers.get(CONTENT_TYPE);
        add(&mut hash, media_type.map_or(&[], |media_type| media_type.as_bytes()));
    }
    hash
}

/// Adds a part, so that no two lists of parts are the same bytes.
fn add(hash: &mut Sha256, part: &[u8]) {
    hash.update((part.len() as u64).to_be_bytes());
    hash.update(part);
}

/// 96 bits of a hash, as text.
fn short(hash: Sha256) -> String {
    const BYTES: usize = 12;
    URL_SAFE_NO_PAD.encode(&hash.finalize()[..BYTES])
}

fn invalid() -> ApiError {
    let message = format!("must be one key of 1 to {MAX_KEY_CHARS} visible ASCII characters, in quotes or not");
    ApiError::invalid_request(&[Problem::new(
        ["header", IDEMPOTENCY_KEY.as_str()],
        message,
        "header_parsing",
    )])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_visible_characters_with_or_without_quotes() {
        assert_eq!(read("run-1:2").as_deref(), Some("run-1:2"));
        assert_eq!(read("\"run-1:2\"").as_deref(), Some("run-1:2"));
        assert!(read(&"k".repeat(255)).is_some());
        for header in ["", "\"\"", "a b", "a\tb", &"k".repeat(256)] {
            assert_eq!(read(header), None, "{header}");
        }
    }
}
