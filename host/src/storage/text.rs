//! A sealed state as the columns of a database hold it.

use std::sync::Arc;

use super::{Keep, Sealed, StorageError};

/// A sealed state, and when its first key stops to exist.
#[derive(Debug)]
pub(super) struct Text {
    pub(super) sealed: String,
    /// Milliseconds since 1970.
    pub(super) expires_at: Option<i64>,
    pub(super) keep: Option<Keep>,
}

impl TryFrom<Sealed> for Text {
    type Error = StorageError;

    fn try_from(sealed: Sealed) -> Result<Self, StorageError> {
        let text = String::from_utf8(sealed.bytes);
        Ok(Self {
            sealed: text.map_err(|error| StorageError::Unavailable(Arc::new(error)))?,
            expires_at: sealed.expires_at.map(column),
            keep: sealed.keep,
        })
    }
}

/// A number as its column holds it. No version is beyond the column's range, and what is a time there is beyond all
/// clocks too.
pub(super) fn column(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
