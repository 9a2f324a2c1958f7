//! The state of one automation: an index of keys, and values that stay bytes until an operation
//! touches them.

mod format;
mod legacy;

use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use crate::json;
use crate::model::TimestampMs;

/// An opened document. Its untouched keys and values are slices of the bytes it was read from.
#[derive(Debug, Default)]
pub struct Document {
    /// Counts the requests that wrote; 0 if there were none.
    pub version: u64,
    /// When the document came to be; 0 before it did.
    pub created_at: TimestampMs,
    /// When it was last written.
    pub updated_at: TimestampMs,
    /// The text that slices point into.
    base: String,
    slots: Vec<Slot>,
    /// The members of the compact JSON object that the document stands for, each with a comma.
    members_bytes: u64,
}

/// A key and what is under it.
#[derive(Debug)]
pub struct Slot {
    /// The key.
    pub key: Text,
    /// What is under it.
    pub record: Record,
}

/// What is under a key.
#[derive(Debug)]
pub struct Record {
    /// The value's compact JSON text.
    pub value: Text,
    /// When the key was made.
    pub created_at: TimestampMs,
    /// When it was last written.
    pub updated_at: TimestampMs,
    /// The document's version right after its last write.
    pub version: u64,
    /// When it stops to exist, if it does.
    pub expires_at: Option<TimestampMs>,
}

/// Text that is either still where the document was read from, or new.
#[derive(Debug)]
pub enum Text {
    /// A range of the document's base.
    Slice {
        /// Its first byte.
        start: u32,
        /// The byte after its last.
        end: u32,
    },
    /// Text of its own.
    Owned(String),
}

/// Bytes that are not a document. The text says why, without quoting any of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unreadable(pub &'static str);

impl Document {
    /// Reads what [`encode`](Self::encode) made, or the JSON object with a `$version` member that
    /// the Python service stored; `sealed_at` dates the keys of the latter.
    pub fn decode(plain: Vec<u8>, sealed_at: TimestampMs) -> Result<Self, Unreadable> {
        match plain.first() {
            Some(&format::FORMAT_1) => format::decode(plain),
            Some(b'{') => legacy::decode(plain, sealed_at),
            Some(_) => Err(Unreadable("unknown document format")),
            None => Err(Unreadable("the document is empty")),
        }
    }

    /// The bytes to seal.
    pub fn encode(&self) -> Vec<u8> {
        format::encode(self)
    }

    /// The document's size in bytes of compact UTF-8 JSON: `{"key":value,…}`.
    pub fn size_bytes(&self) -> u64 {
        // The last member's comma is not there, the two braces are.
        self.members_bytes + if self.slots.is_empty() { 2 } else { 1 }
    }

    /// The keys, oldest first.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.slots.iter().map(|slot| self.text(&slot.key))
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// The place of a key. Places are counted from 0, oldest key first.
    pub fn find(&self, key: &str) -> Option<usize> {
        self.keys().position(|candidate| candidate == key)
    }

    /// The key in a place that is taken.
    pub fn key(&self, place: usize) -> &str {
        self.text(&self.slots[place].key)
    }

    /// The record in a place that is taken.
    pub fn record(&self, place: usize) -> &Record {
        &self.slots[place].record
    }

    /// The compact JSON text of the value in a place that is taken.
    pub fn value(&self, place: usize) -> &str {
        self.text(&self.record(place).value)
    }

    /// Puts a record in a place that is taken, under the key that is there; gives back what was.
    pub fn replace(&mut self, place: usize, record: Record) -> Record {
        self.members_bytes -= self.value(place).len() as u64;
        let before = core::mem::replace(&mut self.slots[place].record, record);
        self.members_bytes += self.value(place).len() as u64;
        before
    }

    /// Puts a key in a place, moving the ones behind it; the place may be the end.
    pub fn insert(&mut self, place: usize, slot: Slot) {
        self.members_bytes += self.member_bytes(&slot);
        self.slots.insert(place, slot);
    }

    /// Takes the key out that is in a place.
    pub fn remove(&mut self, place: usize) -> Slot {
        let slot = self.slots.remove(place);
        self.members_bytes -= self.member_bytes(&slot);
        slot
    }

    fn text<'a>(&'a self, text: &'a Text) -> &'a str {
        match text {
            Text::Slice { start, end } => self.base.get(*start as usize..*end as usize).unwrap_or_default(),
            Text::Owned(text) => text,
        }
    }

    /// The bytes of `"key":value,`.
    fn member_bytes(&self, slot: &Slot) -> u64 {
        let key = json::string_len(self.text(&slot.key));
        let value = self.text(&slot.record.value).len();
        (key + value + 2) as u64
    }

    /// Sets the size from the slots; for readers, which fill them in directly.
    fn measured(mut self) -> Self {
        self.members_bytes = self.slots.iter().map(|slot| self.member_bytes(slot)).sum();
        self
    }
}

impl Slot {
    /// A new key with a value written now.
    pub fn new(key: String, value: String, now: TimestampMs, version: u64) -> Self {
        Self {
            key: Text::Owned(key),
            record: Record::new(value, now, version),
        }
    }
}

impl Record {
    /// A value written now, under a key that is new.
    pub fn new(value: String, now: TimestampMs, version: u64) -> Self {
        Self {
            value: Text::Owned(value),
            created_at: now,
            updated_at: now,
            version,
            expires_at: None,
        }
    }
}

impl Text {
    /// A range of a base, if its ends fit.
    fn slice(range: Range<usize>) -> Result<Self, Unreadable> {
        let end = |at: usize| u32::try_from(at).map_err(|_| Unreadable("the document is larger than 4 GiB"));
        Ok(Self::Slice {
            start: end(range.start)?,
            end: end(range.end)?,
        })
    }
}
