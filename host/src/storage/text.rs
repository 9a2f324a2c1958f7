//! A sealed state as the columns of a database hold it.

use std::sync::Arc;

use super::{Sealed, StorageError};

/// A sealed state, and when its first key stops to exist.
#[derive(Debug)]
pub(super) struct Text {
    pub(super) sealed: String,
    /// Milliseconds since 1970.
    pub(super) expires_at: Option<i64>,
}

impl TryFrom<Sealed> for Text {
    type Error = StorageError;

    fn try_from(sealed: Sealed) -> Result<Self, StorageError> {
        let text = String::from_utf8(sealed.bytes);
        Ok(Self {
            sealed: text.map_err(|error| StorageError::Unavailable(Arc::new(error)))?,
            expires_at: sealed.expires_at.map(column),
        })
    }
}

/// A time as its column holds it. What is beyond the column's range is beyond all clocks too.
pub(super) fn column(timestamp_ms: u64) -> i64 {
    i64::try_from(timestamp_ms).unwrap_or(i64::MAX)
}
