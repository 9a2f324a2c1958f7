//! The key: one segment of the path as it was sent, percent-decoded once.

use axum::extract::{FromRequestParts, MatchedPath};
use axum::http::request::Parts;

use crate::api::Api;
use crate::api::error::ApiError;

/// The key that a path names. Whether it is a valid one, the engine says.
pub(in crate::api) struct Key(pub(in crate::api) String);

impl FromRequestParts<Api> for Key {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &Api) -> Result<Self, ApiError> {
        let matched = parts.extensions.get::<MatchedPath>();
        let segment = matched.and_then(|matched| segment(parts.uri.path(), matched.as_str()));
        let segment = segment.unwrap_or_default();
        decode(segment)
            .map(Self)
            .map_err(|message| ApiError::invalid_key(&message))
    }
}

/// The segment of a path that is the key: the one behind the last `kv` of the route. It is taken as it was sent.
fn segment<'a>(path: &'a str, route: &str) -> Option<&'a str> {
    let (before, _) = route.rsplit_once("/kv/")?;
    path.split('/').nth(before.matches('/').count() + 2)
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
    fn the_key_stands_behind_kv() {
        assert_eq!(segment("/v1/kv/a%2Fb", "/v1/kv/{key}"), Some("a%2Fb"));
        assert_eq!(segment("/v1/kv/kv/len/", "/v1/kv/{key}/len/"), Some("kv"));
        assert_eq!(segment("/kv/x/v1/kv/kv", "/kv/x/v1/kv/{key}"), Some("kv"));
        assert_eq!(segment("/v1/kv/batch", "/v1/kv/batch"), Some("batch"));
    }

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
