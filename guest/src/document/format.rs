//! Format 1: an index, then the values one after another.
//!
//! ```text
//! byte    1, the format
//! number  version, created_at, updated_at, number of keys
//! for each key, oldest first:
//!   number  length of the key, then its UTF-8 bytes
//!   number  created_at, updated_at, version, expires_at (0 for never), length of the value
//! the values' JSON texts, in the same order
//! ```
//!
//! A number is a sequence of bytes with six bits each, least significant first; 0x40 is set in all
//! but the last. Like this no byte of a number is above 0x7f, so the whole document is UTF-8 and
//! one check makes every slice of it a string.

use alloc::string::String;
use alloc::vec::Vec;

use super::{Document, Record, Slot, Text, Unreadable};

/// The first byte of this format. The Python service's documents start with `{`.
pub const FORMAT_1: u8 = 1;

const BITS: u32 = 6;
const MORE: u8 = 1 << BITS;

/// Reads a document of format 1.
pub fn decode(plain: Vec<u8>) -> Result<Document, Unreadable> {
    let base = String::from_utf8(plain).map_err(|_| Unreadable("the document is not UTF-8"))?;
    let mut reader = Reader { base: &base, at: 1 };
    let mut document = Document {
        version: reader.number()?,
        created_at: reader.number()?,
        updated_at: reader.number()?,
        ..Document::default()
    };
    let count = reader.length()?;
    let mut value_lengths = Vec::new();
    for _ in 0..count {
        let key_length = reader.length()?;
        document.slots.push(Slot {
            key: reader.text(key_length)?,
            record: Record {
                created_at: reader.number()?,
                updated_at: reader.number()?,
                version: reader.number()?,
                expires_at: Some(reader.number()?).filter(|&at| at != 0),
                value: Text::Owned(String::new()),
            },
        });
        value_lengths.push(reader.length()?);
    }
    for (slot, length) in document.slots.iter_mut().zip(value_lengths) {
        slot.record.value = reader.text(length)?;
    }
    if reader.at != base.len() {
        return Err(Unreadable("the document is longer than its index says"));
    }
    document.base = base;
    Ok(document.measured())
}

/// Writes a document in format 1.
pub fn encode(document: &Document) -> Vec<u8> {
    const MAX_INDEX_BYTES: usize = 50;
    let text_bytes = usize::try_from(document.size_bytes()).unwrap_or(usize::MAX);
    let capacity = text_bytes.saturating_add(MAX_INDEX_BYTES * (document.len() + 1));
    let mut out = Vec::with_capacity(capacity);
    out.push(FORMAT_1);
    for number in [
        document.version,
        document.created_at,
        document.updated_at,
        document.len() as u64,
    ] {
        push_number(&mut out, number);
    }
    for Slot { key, record } in &document.slots {
        let key = document.text(key);
        push_number(&mut out, key.len() as u64);
        out.extend_from_slice(key.as_bytes());
        let value_len = document.text(&record.value).len() as u64;
        for number in [
            record.created_at,
            record.updated_at,
            record.version,
            record.expires_at.unwrap_or(0),
            value_len,
        ] {
            push_number(&mut out, number);
        }
    }
    for Slot { record, .. } in &document.slots {
        out.extend_from_slice(document.text(&record.value).as_bytes());
    }
    out
}

fn push_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= u64::from(MORE) {
        out.push(MORE | low_byte(number & u64::from(MORE - 1)));
        number >>= BITS;
    }
    out.push(low_byte(number));
}

fn low_byte(number: u64) -> u8 {
    number.to_le_bytes()[0]
}

struct Reader<'a> {
    base: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn number(&mut self) -> Result<u64, Unreadable> {
        let mut number = 0_u64;
        let mut shift = 0;
        loop {
            let byte = *self
                .base
                .as_bytes()
                .get(self.at)
                .ok_or(Unreadable("the document is cut off"))?;
            self.at += 1;
            number |= u64::from(byte & (MORE - 1)) << shift;
            if byte & MORE == 0 {
                return Ok(number);
            }
            shift += BITS;
            if shift >= u64::BITS {
                return Err(Unreadable("a number in the document is too long"));
            }
        }
    }

    fn length(&mut self) -> Result<usize, Unreadable> {
        usize::try_from(self.number()?).map_err(|_| Unreadable("a length in the document is too large"))
    }

    /// The next `length` bytes.
    fn text(&mut self, length: usize) -> Result<Text, Unreadable> {
        let start = self.at;
        let end = start.saturating_add(length);
        if self.base.get(start..end).is_none() {
            return Err(Unreadable("the document is cut off"));
        }
        self.at = end;
        Text::slice(start..end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use proptest::prelude::*;

    fn document(entries: Vec<(String, String, u64)>) -> Document {
        let mut document = Document {
            version: 7,
            created_at: 1_700_000_000_000,
            updated_at: u64::MAX,
            ..Document::default()
        };
        for (place, (key, value, number)) in entries.into_iter().enumerate() {
            let mut slot = Slot::new(key, value, number, number / 2);
            slot.record.expires_at = Some(number).filter(|n| n % 2 == 1);
            document.insert(place, slot);
        }
        document
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(entries in prop::collection::vec((any::<String>(), any::<String>(), any::<u64>()), 0..8)) {
            let written = document(entries);
            let bytes = written.encode();
            let read = Document::decode(bytes.clone(), 0).unwrap();
            prop_assert_eq!(read.size_bytes(), written.size_bytes());
            prop_assert!(read.keys().eq(written.keys()));
            for place in 0..written.len() {
                prop_assert_eq!(read.value(place), written.value(place));
            }
            prop_assert_eq!(read.encode(), bytes);
        }

        #[test]
        fn bytes_that_are_no_document_are_refused_or_read_never_a_crash(mut bytes in prop::collection::vec(0..128_u8, 0..64)) {
            bytes.insert(0, FORMAT_1);
            let _ = Document::decode(bytes, 0);
        }

        #[test]
        fn a_cut_document_is_refused(cut in 1..40_usize) {
            let mut bytes = document(vec![("key".to_string(), "\"value\"".to_string(), 1 << 40); 2]).encode();
            bytes.truncate(bytes.len().saturating_sub(cut).max(1));
            prop_assert!(Document::decode(bytes, 0).is_err());
        }
    }
}
