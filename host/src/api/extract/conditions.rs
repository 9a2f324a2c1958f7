//! `If-Match` and `If-None-Match` (RFC 9110). The tag of a key is its version in quotes.

use axum::extract::FromRequestParts;
use axum::http::header::{HeaderMap, HeaderName, HeaderValue, IF_MATCH, IF_NONE_MATCH};
use axum::http::request::Parts;

use crate::api::Api;
use crate::api::error::{ApiError, Problem};
use crate::api::precondition::Precondition;
use crate::engine::types::Test;

/// The conditional headers of a request.
#[derive(Debug)]
pub(in crate::api) struct Conditions {
    if_match: Option<Tags>,
    if_none_match: Option<Tags>,
}

/// What a conditional read comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::api) enum Verdict {
    /// Answer as without conditions.
    Go,
    /// 304: the caller has this version already.
    NotModified,
    /// 412: it is none of those that the caller wants.
    Failed,
}

/// Which tags a header names.
#[derive(Debug, PartialEq, Eq)]
enum Tags {
    /// `*`: whatever there is.
    Any,
    Listed(Vec<Tag>),
}

/// A tag; one that no version can have has none.
#[derive(Debug, PartialEq, Eq)]
struct Tag {
    version: Option<u64>,
    is_weak: bool,
}

impl FromRequestParts<Api> for Conditions {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &Api) -> Result<Self, ApiError> {
        Ok(Self {
            if_match: tags(&parts.headers, &IF_MATCH)?,
            if_none_match: tags(&parts.headers, &IF_NONE_MATCH)?,
        })
    }
}

impl Conditions {
    /// For a write: what must hold.
    pub(in crate::api) fn preconditions(&self) -> Result<Vec<Precondition>, ApiError> {
        let if_match = self.if_match.as_ref().map(|tags| match tags {
            Tags::Any => Test::Exists,
            Tags::Listed(tags) => {
                let strong = tags.iter().filter(|tag| !tag.is_weak);
                Test::KeyVersion(strong.filter_map(|tag| tag.version).collect())
            }
        });
        let if_none_match = match self.if_none_match {
            None => None,
            Some(Tags::Any) => Some(Test::Absent),
            Some(Tags::Listed(_)) => {
                return Err(invalid(
                    &IF_NONE_MATCH,
                    "must be * for a write: only if there is no such key",
                ));
            }
        };
        Ok(if_match
            .into_iter()
            .chain(if_none_match)
            .map(Precondition::Header)
            .collect())
    }

    /// For a request that is about no single key.
    pub(in crate::api) fn refuse(&self) -> Result<(), ApiError> {
        let name = match (&self.if_match, &self.if_none_match) {
            (Some(_), _) => &IF_MATCH,
            (None, Some(_)) => &IF_NONE_MATCH,
            (None, None) => return Ok(()),
        };
        Err(invalid(name, "a batch takes its conditions as `check` operations"))
    }

    /// For a read of a key with this version.
    pub(in crate::api) fn of_read(&self, key_version: u64) -> Verdict {
        let is_named = |tags: &Tags, is_weak_fine: bool| match tags {
            Tags::Any => true,
            Tags::Listed(tags) => tags
                .iter()
                .any(|tag| tag.version == Some(key_version) && (is_weak_fine || !tag.is_weak)),
        };
        if self.if_match.as_ref().is_some_and(|tags| !is_named(tags, false)) {
            return Verdict::Failed;
        }
        match &self.if_none_match {
            Some(tags) if is_named(tags, true) => Verdict::NotModified,
            _ => Verdict::Go,
        }
    }
}

/// The tags of a header that may be sent in several lines.
fn tags(headers: &HeaderMap, name: &HeaderName) -> Result<Option<Tags>, ApiError> {
    let lines: Vec<&[u8]> = headers.get_all(name).iter().map(HeaderValue::as_bytes).collect();
    if lines.is_empty() {
        return Ok(None);
    }
    let read = std::str::from_utf8(&lines.join(&b","[..])).ok().and_then(read);
    read.map(Some)
        .ok_or_else(|| invalid(name, "must be * or a list of tags in quotes, such as \"7\""))
}

fn read(text: &str) -> Option<Tags> {
    if text.trim() == "*" {
        return Some(Tags::Any);
    }
    let mut tags = Vec::new();
    let mut left = text.trim();
    while !left.is_empty() {
        let (is_weak, quoted) = match left.strip_prefix("W/") {
            Some(quoted) => (true, quoted),
            None => (false, left),
        };
        let (opaque, behind) = quoted.strip_prefix('"')?.split_once('"')?;
        tags.push(Tag {
            version: version(opaque),
            is_weak,
        });
        let behind = behind.trim_start();
        left = match behind.strip_prefix(',') {
            Some(next) => next.trim_start(),
            None if behind.is_empty() => behind,
            None => return None,
        };
    }
    (!tags.is_empty()).then_some(Tags::Listed(tags))
}

/// The version that a tag stands for: spelled as we do, so that equal tags are equal texts.
fn version(opaque: &str) -> Option<u64> {
    let version: u64 = opaque.parse().ok()?;
    (version.to_string() == opaque).then_some(version)
}

fn invalid(name: &HeaderName, message: &str) -> ApiError {
    ApiError::invalid_request(&[Problem::new(["header", name.as_str()], message, "header_parsing")])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(version: Option<u64>, is_weak: bool) -> Tag {
        Tag { version, is_weak }
    }

    #[test]
    fn tags_are_quoted_and_separated() {
        assert_eq!(read(" * "), Some(Tags::Any));
        assert_eq!(read("\"7\""), Some(Tags::Listed(vec![tag(Some(7), false)])));
        let several = vec![tag(Some(7), true), tag(None, false), tag(None, false)];
        assert_eq!(read("W/\"7\", \"07\" ,\"a,b\""), Some(Tags::Listed(several)));
        for text in ["", ",", "7", "\"7", "\"7\" \"8\"", "*, \"7\"", "w/\"7\""] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn a_weak_tag_is_good_for_reading_only() {
        let weak = || read("W/\"7\"");
        let reading = Conditions {
            if_match: None,
            if_none_match: weak(),
        };
        assert_eq!(
            (reading.of_read(7), reading.of_read(8)),
            (Verdict::NotModified, Verdict::Go)
        );
        let wanting = Conditions {
            if_match: weak(),
            if_none_match: None,
        };
        assert_eq!(wanting.of_read(7), Verdict::Failed);
    }
}
