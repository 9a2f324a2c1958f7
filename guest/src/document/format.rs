//! Formats 1 and 2: an index, then the values one after another, then what `once` remembers.
//!
//! ```text
//! byte    2, the format
//! number  version, created_at, updated_at, next ordinal, number of keys
//! for each key, oldest first:
//!   number  length of the key, then its UTF-8 bytes
//!   number  ordinal, as the distance to the smallest one that it could have
//!   number  created_at as the difference to the document's, updated_at as the difference to that
//!   number  version, expires_at (0 for never), length of the value
//! the values' JSON texts, in the same order
//! number  how many requests are remembered
//! for each of them, oldest first:
//!   number  length of the once key, then its UTF-8 bytes
//!   number  length of the fingerprint, then its UTF-8 bytes
//!   number  when it was carried out, version and size in bytes after it
//!   number  length of the outcomes, then what `session/once` wrote
//! ```
//!
//! Format 1 has no ordinals, whole times instead of differences, and remembers nothing: it ends behind the values. It is
//! read and never written. How numbers and differences are written is said in [`numbers`](super::numbers).

use alloc::vec::Vec;

use super::numbers::{self, Reader, difference, push_number, push_text};
use super::{Document, Record, Remembered, Slot, Text, Unreadable};
use crate::json;

/// The first byte of format 1. The Python service's documents start with `{`.
pub const FORMAT_1: u8 = 1;

/// The first byte of format 2.
pub const FORMAT_2: u8 = 2;

/// The fewest bytes that a key takes in the index: a number is a byte at least.
const MIN_KEY_BYTES: usize = 6;

/// The highest version: callers name versions in 64 bits with a sign.
const MAX_VERSION: u64 = i64::MAX as u64;

/// Reads a document of format 1 or 2.
pub fn decode(plain: Vec<u8>) -> Result<Document, Unreadable> {
    let is_format_2 = plain.first() == Some(&FORMAT_2);
    let base = numbers::text(plain)?;
    let mut reader = Reader::new(&base, 1);
    let mut document = Document {
        version: reader.number()?,
        created_at: reader.number()?,
        updated_at: reader.number()?,
        ..Document::default()
    };
    let next_ordinal = if is_format_2 { Some(reader.number()?) } else { None };
    if document.version > MAX_VERSION || next_ordinal > Some(MAX_VERSION) {
        return Err(Unreadable("a count in the document is too large"));
    }
    let count = reader.length()?;
    // What is read says how many there are; what is there says how many there can be.
    let most = base.len() / MIN_KEY_BYTES;
    document.slots.reserve_exact(count.min(most));
    let mut values_bytes = 0_usize;
    for _ in 0..count {
        let key_length = reader.length()?;
        let key = reader.range(key_length)?;
        let key_bytes = json::string_len(&base.as_bytes()[key.clone()]);
        let distance = if is_format_2 { reader.number()? } else { 0 };
        let ordinal = document.next_ordinal.saturating_add(distance);
        document.next_ordinal = ordinal.saturating_add(1);
        let (created_at, updated_at) = if is_format_2 {
            let created_at = reader.number_from(document.created_at)?;
            (created_at, reader.number_from(created_at)?)
        } else {
            (reader.number()?, reader.number()?)
        };
        let version = reader.number()?;
        let expires_at = Some(reader.number()?).filter(|&at| at != 0);
        let length = reader.length()?;
        let value = values_bytes..values_bytes.saturating_add(length);
        values_bytes = value.end;
        document.slots.push(Slot {
            key: Text::slice(key)?,
            ordinal,
            record: Record {
                value: Text::slice(value)?,
                created_at,
                updated_at,
                version,
                expires_at,
            },
        });
        document.members_bytes += super::member_bytes(key_bytes, length);
    }
    if let Some(next_ordinal) = next_ordinal {
        if next_ordinal < document.next_ordinal {
            return Err(Unreadable("a key's ordinal is too high"));
        }
        document.next_ordinal = next_ordinal;
    }
    let values = Text::slice(reader.range(values_bytes)?)?;
    for slot in &mut document.slots {
        slot.record.value.move_behind(&values);
    }
    if is_format_2 {
        document.remembered = remembered(&mut reader)?;
    }
    if !reader.is_at_end() {
        return Err(Unreadable("the document is longer than its index says"));
    }
    document.base = base;
    Ok(document)
}

fn remembered(reader: &mut Reader) -> Result<Vec<Remembered>, Unreadable> {
    let count = reader.length()?;
    let mut remembered = Vec::new();
    let text = |reader: &mut Reader| {
        let length = reader.length()?;
        Text::slice(reader.range(length)?)
    };
    for _ in 0..count {
        remembered.push(Remembered {
            key: text(reader)?,
            fingerprint: text(reader)?,
            at: reader.number()?,
            version: reader.number()?,
            size_bytes: reader.number()?,
            outcomes: text(reader)?,
        });
    }
    Ok(remembered)
}

/// Writes a document in format 2.
pub fn encode(document: &Document) -> Vec<u8> {
    const MAX_INDEX_BYTES: usize = 60;
    let mut out = Vec::with_capacity(document.text_bytes() + MAX_INDEX_BYTES * (document.len() + 1));
    out.push(FORMAT_2);
    for number in [
        document.version,
        document.created_at,
        document.updated_at,
        document.next_ordinal,
        document.len() as u64,
    ] {
        push_number(&mut out, number);
    }
    let mut next_ordinal = 0;
    for Slot { key, ordinal, record } in &document.slots {
        push_text(&mut out, document.text(key));
        let value_len = document.text(&record.value).len() as u64;
        for number in [
            ordinal - next_ordinal,
            difference(document.created_at, record.created_at),
            difference(record.created_at, record.updated_at),
            record.version,
            record.expires_at.unwrap_or(0),
            value_len,
        ] {
            push_number(&mut out, number);
        }
        next_ordinal = ordinal + 1;
    }
    for Slot { record, .. } in &document.slots {
        out.extend_from_slice(document.text(&record.value).as_bytes());
    }
    push_number(&mut out, document.remembered.len() as u64);
    for request in &document.remembered {
        push_text(&mut out, document.text(&request.key));
        push_text(&mut out, document.text(&request.fingerprint));
        for number in [request.at, request.version, request.size_bytes] {
            push_number(&mut out, number);
        }
        push_text(&mut out, document.text(&request.outcomes));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Limits, Operation, Request};
    use crate::session::Session;
    use alloc::string::{String, ToString};
    use alloc::vec;
    use proptest::prelude::*;

    type Entry = (String, String, u64);

    fn document(entries: Vec<Entry>, remembered: Vec<Entry>) -> Document {
        let mut document = Document {
            version: 7,
            created_at: 1_700_000_000_000,
            updated_at: u64::MAX,
            ..Document::default()
        };
        for (key, value, number) in entries {
            let mut record = Record::new(value, number, number / 2);
            record.expires_at = Some(number).filter(|n| n % 2 == 1);
            // Ordinals have gaps where keys were deleted.
            document.next_ordinal += number % 3;
            document.append(key, record);
        }
        for (index, (key, outcomes, number)) in remembered.into_iter().enumerate() {
            let request = Remembered {
                key: Text::Owned(key.clone()),
                fingerprint: Text::Owned(key),
                at: number,
                version: number,
                size_bytes: number,
                outcomes: Text::Owned(outcomes),
            };
            document.remember(index, request);
        }
        document
    }

    /// The same in format 1, which this crate no longer writes.
    fn format_1(document: &Document) -> Vec<u8> {
        let mut out = vec![FORMAT_1];
        for number in [
            document.version,
            document.created_at,
            document.updated_at,
            document.len() as u64,
        ] {
            push_number(&mut out, number);
        }
        for Slot { key, record, .. } in &document.slots {
            push_text(&mut out, document.text(key));
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
        for place in 0..document.len() {
            out.extend_from_slice(document.value(place).as_bytes());
        }
        out
    }

    fn entries() -> impl Strategy<Value = Vec<Entry>> {
        prop::collection::vec((any::<String>(), any::<String>(), any::<u64>()), 0..8)
    }

    /// Everything but ordinals and what is remembered.
    fn assert_same(read: &Document, written: &Document) {
        assert_eq!(read.size_bytes(), written.size_bytes());
        assert!(read.keys().eq(written.keys()));
        for place in 0..written.len() {
            assert_eq!(read.value(place), written.value(place));
            let times = |document: &Document| {
                let record = document.record(place);
                (record.created_at, record.updated_at, record.version, record.expires_at)
            };
            assert_eq!(times(read), times(written));
        }
    }

    /// Looks at everything, and writes.
    fn use_it(document: Document) {
        let mut session = Session::new(document, Limits::default(), 1 << 40);
        let list = Operation::ListKeys {
            prefix: String::new(),
            limit: None,
            cursor: None,
            values: true,
        };
        let increment = Operation::Increment {
            key: "key".to_string(),
            by: "1".to_string(),
        };
        for operation in [list, increment] {
            let request = Request {
                operations: vec![operation],
                if_version: None,
                always_bump: true,
                once: None,
                scope: None,
            };
            let _ = session.execute(request);
        }
        let bytes = session.changed().map(Document::encode);
        assert!(bytes.is_none_or(|bytes| Document::decode(bytes, 0).is_ok()));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(entries in entries(), remembered in entries()) {
            let written = document(entries, remembered);
            let bytes = written.encode();
            let read = Document::decode(bytes.clone(), 0).unwrap();
            assert_same(&read, &written);
            for place in 0..written.len() {
                prop_assert_eq!(read.ordinal(place), written.ordinal(place));
            }
            prop_assert_eq!(read.encode(), bytes);
        }

        #[test]
        fn format_1_is_read_and_its_keys_get_ordinals_by_place(entries in entries()) {
            let written = document(entries, Vec::new());
            let read = Document::decode(format_1(&written), 0).unwrap();
            assert_same(&read, &written);
            for place in 0..read.len() {
                prop_assert_eq!(read.ordinal(place), place as u64);
            }
            prop_assert_eq!(read.encode()[0], FORMAT_2);
        }

        #[test]
        fn bytes_that_are_no_document_are_refused_or_read_never_a_crash(
            format in FORMAT_1..=FORMAT_2,
            mut bytes in prop_oneof![
                prop::collection::vec(any::<u8>(), 0..64),
                prop::collection::vec(0..128_u8, 0..64),
                prop::collection::vec(0..5_u8, 0..64),
            ],
        ) {
            bytes.insert(0, format);
            if let Ok(document) = Document::decode(bytes, 0) {
                use_it(document);
            }
        }

        #[test]
        fn a_document_with_a_changed_byte_is_refused_or_read_never_a_crash(
            entries in entries(), remembered in entries(), is_format_1 in any::<bool>(),
            at in any::<prop::sample::Index>(), byte in any::<u8>(),
        ) {
            let written = document(entries, remembered);
            let mut bytes = if is_format_1 { format_1(&written) } else { written.encode() };
            let at = at.index(bytes.len());
            bytes[at] = byte;
            if let Ok(document) = Document::decode(bytes, 0) {
                use_it(document);
            }
        }

        #[test]
        fn a_cut_document_is_refused(cut in 1..40_usize) {
            let entry = ("key".to_string(), "\"value\"".to_string(), 1 << 40);
            let mut bytes = document(vec![entry.clone(); 2], vec![entry]).encode();
            bytes.truncate(bytes.len().saturating_sub(cut).max(1));
            prop_assert!(Document::decode(bytes, 0).is_err());
        }
    }

    #[test]
    fn a_version_that_no_caller_could_name_is_refused() {
        let mut written = document(Vec::new(), Vec::new());
        written.version = MAX_VERSION + 1;
        assert!(Document::decode(written.encode(), 0).is_err());
    }
}
