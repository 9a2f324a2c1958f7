//! The limits for the whole document and for single values. Only what a request leaves behind counts, and only if it
//! is more than what the request found.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

use super::Session;
use crate::document::Document;
use crate::model::Reason;

/// What a request made larger.
#[derive(Debug, Default)]
pub struct Growth {
    /// The document's size before the request.
    start_bytes: u64,
    /// The first key whose growth left the document over the limit.
    outgrown_by: Option<String>,
    /// Keys whose values are, or were at some time, above the limit for values, and how many bytes those had before.
    large: Vec<(String, usize)>,
}

impl Growth {
    /// None yet.
    pub fn of(document: &Document) -> Self {
        Self {
            start_bytes: document.size_bytes(),
            ..Self::default()
        }
    }
}

impl Session {
    /// Notes that the key in a place was just written to a document of so many bytes.
    pub(super) fn note_size(&mut self, place: usize, bytes_before: u64) {
        let size_bytes = self.document.size_bytes();
        let limit_bytes = self.limits.state_bytes;
        let is_over = limit_bytes > 0 && size_bytes > limit_bytes;
        if is_over && size_bytes > bytes_before && self.growth.outgrown_by.is_none() {
            self.growth.outgrown_by = Some(self.document.key(place).to_owned());
        }
    }

    /// Notes that the value of a key is about to have a length after another. The first time that one of them is above
    /// the limit, the length before is what the request found, or below the limit.
    pub(super) fn note_growth(&mut self, key: &str, bytes_before: usize, bytes_after: usize) {
        let limit_bytes = self.limits.value_bytes;
        let is_large = limit_bytes > 0 && bytes_before.max(bytes_after) as u64 > limit_bytes;
        if is_large && !self.growth.large.iter().any(|(large, _)| large == key) {
            self.growth.large.push((key.to_owned(), bytes_before));
        }
    }

    /// Checks what the request left behind: the document first, then its values, oldest key first.
    pub(super) fn check_size(&mut self) -> Result<(), Reason> {
        let limit_bytes = self.limits.state_bytes;
        let current_bytes = self.growth.start_bytes;
        let size_bytes = self.document.size_bytes();
        if limit_bytes > 0 && size_bytes > limit_bytes && size_bytes > current_bytes {
            return Err(Reason::TooLarge {
                key: self.growth.outgrown_by.take().unwrap_or_default(),
                current_bytes,
                size_bytes,
                limit_bytes,
            });
        }
        let limit_bytes = self.limits.value_bytes;
        let grown = self.growth.large.iter().filter_map(|(key, bytes_before)| {
            let place = self.document.find(key)?;
            let size_bytes = self.document.value(place).len();
            let is_refused = size_bytes as u64 > limit_bytes && size_bytes > *bytes_before;
            is_refused.then_some((place, key, size_bytes))
        });
        match grown.min() {
            Some((_, key, size_bytes)) => Err(Reason::ValueTooLarge {
                key: key.clone(),
                size_bytes: size_bytes as u64,
                limit_bytes,
            }),
            None => Ok(()),
        }
    }
}
