//! The key: one segment of the path as it was sent, percent-decoded once.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::api::Api;
use crate::api::error::ApiError;

/// The key that a path names. Whether it is a valid one, the engine says.
pub(in crate::api) struct Key(pub(in crate::api) String);

impl FromRequestParts<Api> for Key {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &Api) -> Result<Self, ApiError> {
        // The router has taken the prefix off, so the key is the first segment.
        let path = parts.uri.path();
        let segment = path
            .strip_prefix('/')
            .unwrap_or(path)
            .split('/')
            .next()
            .unwrap_or_default();
        decode(segment)
            .map(Self)
            .map_err(|message| ApiError::invalid_key(&message))
    }
}

/// Decodes percent escapes, each of which must be whole; the result must be UTF-8.
fn decode(segment: &str) -> Result<String, String> {
    let broken = segment.match_indices('%').find(|(at, _)| {
        let digits = segment.as_bytes().get(at + 1..at + 3);
        !digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    });
    if let Some((at, _)) = broken {
        return Err(format!("the percent escape at byte {at} of the encoded key is broken"));
    }
    let bytes: Vec<u8> = percent_encoding::percent_decode_str(segment).collect();
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        format!("key is not UTF-8 (byte {at} after percent-decoding)")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_decoded_once() {
        assert_eq!(decode("a%2Flen").as_deref(), Ok("a/len"));
        assert_eq!(decode("a%2520b").as_deref(), Ok("a%20b"));
        assert_eq!(decode("a+b%C3%A9").as_deref(), Ok("a+bé"));
    }

    #[test]
    fn broken_escapes_and_other_encodings_are_refused() {
        for segment in ["a%", "a%2", "a%ZZb", "%FF", "%ED%A0%80", "%é0"] {
            assert!(decode(segment).is_err(), "{segment}");
        }
    }
}
