//! A sealed state as the columns of a database hold it.

use std::sync::Arc;

use super::{Keep, Sealed, StorageError};
use crate::vault::DELTA_MARK;

/// The sealed state of a row, from its two columns.
macro_rules! whole_state {
    () => {
        "CASE WHEN state_delta IS NULL THEN state_encrypted ELSE state_encrypted || state_delta END"
    };
}
pub(super) use whole_state;

/// So many characters of a base tell it from every other. The statements for PostgreSQL have this number too.
pub(super) const NAME_CHARS: usize = 34;

/// A sealed state, and when its first key stops to exist.
#[derive(Debug)]
pub(super) struct Text {
    pub(super) sealed: String,
    /// Where the delta begins, with its mark; the length of all of it if there is none.
    base_bytes: usize,
    /// Whether what comes before that is stored already.
    keeps_base: bool,
    /// Milliseconds since 1970.
    pub(super) expires_at: Option<i64>,
    pub(super) keep: Option<Keep>,
}

impl Text {
    /// What to store in the column for whole states; none to leave it as it is.
    pub(super) fn base(&self) -> Option<&str> {
        (!self.keeps_base).then(|| &self.sealed[..self.base_bytes])
    }

    /// How what is stored in that column has to begin, where it is left as it is. A revision may be given out twice, by a
    /// standby that took over without the latest writes; these characters are not (time and IV of a Fernet token).
    pub(super) fn kept_name(&self) -> Option<&str> {
        let name = self.sealed.get(..self.base_bytes.min(NAME_CHARS))?;
        self.keeps_base.then_some(name)
    }

    /// What to store in the column for what has changed since.
    pub(super) fn delta(&self) -> Option<&str> {
        let delta = &self.sealed[self.base_bytes..];
        (!delta.is_empty()).then_some(delta)
    }

    /// How many bytes of it are to be stored.
    pub(super) fn stored_bytes(&self) -> usize {
        let length = |column: Option<&str>| column.map_or(0, str::len);
        length(self.base()) + length(self.delta())
    }
}

impl TryFrom<Sealed> for Text {
    type Error = StorageError;

    fn try_from(sealed: Sealed) -> Result<Self, StorageError> {
        let text = String::from_utf8(sealed.bytes);
        let text = text.map_err(|error| StorageError::Unavailable(Arc::new(error)))?;
        Ok(Self {
            base_bytes: memchr::memchr(DELTA_MARK, text.as_bytes()).unwrap_or(text.len()),
            sealed: text,
            keeps_base: sealed.keeps_base,
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

#[cfg(test)]
mod tests {
    use super::*;

    fn text(sealed: &str, keeps_base: bool) -> Text {
        let bytes = sealed.as_bytes().to_vec();
        Text::try_from(Sealed {
            bytes,
            keeps_base,
            ..Sealed::default()
        })
        .unwrap()
    }

    #[test]
    fn a_state_is_stored_in_two_columns() {
        let columns = |sealed, keeps_base| {
            let text = text(sealed, keeps_base);
            (
                text.base().map(str::to_owned),
                text.delta().map(str::to_owned),
                text.stored_bytes(),
            )
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(columns("base", false), (some("base"), None, 4));
        assert_eq!(columns("base.delta", false), (some("base"), some(".delta"), 10));
        assert_eq!(columns("base.delta", true), (None, some(".delta"), 6));
        assert_eq!(columns("", false), (some(""), None, 0));
    }
}
