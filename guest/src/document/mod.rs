//! The state of one automation: an index of keys, and values that stay bytes until an operation
//! touches them.

mod clear;
mod format;
pub mod numbers;

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
    /// The ordinal of the next key that is made.
    pub next_ordinal: u64,
    /// The text that slices point into.
    base: String,
    /// Oldest key first, which is by ordinal too.
    slots: Vec<Slot>,
    /// Oldest first.
    remembered: Vec<Remembered>,
    /// The members of the compact JSON object that the document stands for, each with a comma.
    members_bytes: u64,
}

/// A key and what is under it.
#[derive(Debug)]
pub struct Slot {
    /// The key.
    pub key: Text,
    /// Counts the keys that were ever made: tells where a key is in their order, also after others were deleted.
    pub ordinal: u64,
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

/// An accepted request that is to be carried out only once.
#[derive(Debug)]
pub struct Remembered {
    /// What names it.
    pub key: Text,
    /// What tells it from other requests of the same name.
    pub fingerprint: Text,
    /// When it was carried out.
    pub at: TimestampMs,
    /// The document's version after it.
    pub version: u64,
    /// The document's size after it.
    pub size_bytes: u64,
    /// What came of its operations, as `session::once` writes it.
    pub outcomes: Text,
}

/// Text that is either still where the document was read from, or new.
#[derive(Debug, Clone)]
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
    /// Reads what [`encode`](Self::encode) made, or one JSON object, as the Python service stored it or somebody wrote it;
    /// `sealed_at` dates what the latter does not.
    pub fn decode(plain: Vec<u8>, sealed_at: TimestampMs) -> Result<Self, Unreadable> {
        match plain.first() {
            Some(&(format::FORMAT_1 | format::FORMAT_2)) => format::decode(plain),
            Some(b'{') => clear::decode(plain, sealed_at),
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

    /// Adds a key that is not there yet, behind all others.
    pub fn append(&mut self, key: String, record: Record) {
        let slot = Slot {
            key: Text::Owned(key),
            ordinal: self.next_ordinal,
            record,
        };
        self.next_ordinal += 1;
        self.insert(self.slots.len(), slot);
    }

    /// Puts a key that was taken out back in its place, moving the ones behind it.
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

    /// Takes out every key whose time has come. Says whether there was one.
    pub fn remove_expired(&mut self, now: TimestampMs) -> bool {
        let is_over = |slot: &Slot| slot.record.expires_at.is_some_and(|at| at <= now);
        if !self.slots.iter().any(is_over) {
            return false;
        }
        let mut slots = core::mem::take(&mut self.slots);
        slots.retain(|slot| !is_over(slot));
        self.slots = slots;
        self.members_bytes = self.slots.iter().map(|slot| self.member_bytes(slot)).sum();
        true
    }

    /// When the first of the keys stops to exist, if one does.
    pub fn first_expiry(&self) -> Option<TimestampMs> {
        self.slots.iter().filter_map(|slot| slot.record.expires_at).min()
    }

    /// The ordinal of the key in a place that is taken.
    pub fn ordinal(&self, place: usize) -> u64 {
        self.slots[place].ordinal
    }

    /// The first place whose key was made after the one with an ordinal.
    pub fn place_behind(&self, ordinal: u64) -> usize {
        self.slots.partition_point(|slot| slot.ordinal <= ordinal)
    }

    /// The bytes that a key and its value take of the document's size, in a place that is taken: `"key":value,`.
    pub fn key_bytes(&self, place: usize) -> u64 {
        self.member_bytes(&self.slots[place])
    }

    /// The requests that are remembered, oldest first.
    pub fn remembered(&self) -> &[Remembered] {
        &self.remembered
    }

    /// Puts a request among those that are remembered.
    pub fn remember(&mut self, index: usize, request: Remembered) {
        self.remembered.insert(index, request);
    }

    /// Takes out one of the requests that are remembered.
    pub fn forget(&mut self, index: usize) -> Remembered {
        self.remembered.remove(index)
    }

    /// Takes out the requests that were carried out at least `age` milliseconds ago. To a clock that was set back since
    /// some are from the future: those are as old as can be known, from now.
    pub fn forget_older_than(&mut self, age: u64, now: TimestampMs) {
        self.remembered.retain(|request| now.saturating_sub(request.at) < age);
        for request in &mut self.remembered {
            request.at = request.at.min(now);
        }
    }

    /// Makes an earlier state of a document one that follows it: with its version, which is still to be raised, and with
    /// nothing written before what it has written. Keys that are not exactly as they are there are written by this.
    pub fn follow(&mut self, current: &Self, now: TimestampMs) {
        let mut slots = core::mem::take(&mut self.slots);
        for slot in &mut slots {
            if !self.is_same(slot, current) {
                slot.record.updated_at = now;
                slot.record.version = current.version + 1;
            }
        }
        self.slots = slots;
        self.version = current.version;
        self.created_at = current.created_at;
        self.updated_at = current.updated_at;
        self.next_ordinal = self.next_ordinal.max(current.next_ordinal);
    }

    /// Whether a key of this document is in another one, and was not written since.
    fn is_same(&self, slot: &Slot, other: &Self) -> bool {
        let place = other.slots.binary_search_by_key(&slot.ordinal, |slot| slot.ordinal);
        let Some(there) = place.ok().and_then(|place| other.slots.get(place)) else {
            return false;
        };
        slot.record.version == there.record.version
            && slot.record.expires_at == there.record.expires_at
            && self.text(&slot.key) == other.text(&there.key)
            && self.text(&slot.record.value) == other.text(&there.record.value)
    }

    /// What a text is.
    pub fn text<'a>(&'a self, text: &'a Text) -> &'a str {
        match text {
            Text::Slice { start, end } => self.base.get(*start as usize..*end as usize).unwrap_or_default(),
            Text::Owned(text) => text,
        }
    }

    fn member_bytes(&self, slot: &Slot) -> u64 {
        let key = json::string_len(self.text(&slot.key).as_bytes());
        member_bytes(key, self.text(&slot.record.value).len())
    }

    /// The bytes of all keys, values and remembered requests, more or less.
    fn text_bytes(&self) -> usize {
        let remembered = self.remembered.iter().map(|request| {
            [&request.key, &request.fingerprint, &request.outcomes]
                .map(|text| self.text(text).len())
                .iter()
                .sum::<usize>()
        });
        usize::try_from(self.members_bytes).unwrap_or(usize::MAX) + remembered.sum::<usize>()
    }
}

/// The bytes of `"key":value,`.
fn member_bytes(key_bytes: usize, value_bytes: usize) -> u64 {
    key_bytes as u64 + value_bytes as u64 + 2
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
    /// Takes a range that was counted from where another one starts.
    fn move_behind(&mut self, other: &Self) {
        if let (Self::Slice { start, end }, Self::Slice { start: first, .. }) = (self, other) {
            *start = start.saturating_add(*first);
            *end = end.saturating_add(*first);
        }
    }

    /// A range of a base, if its ends fit.
    fn slice(range: Range<usize>) -> Result<Self, Unreadable> {
        let end = |at: usize| u32::try_from(at).map_err(|_| Unreadable("the document is larger than 4 GiB"));
        Ok(Self::Slice {
            start: end(range.start)?,
            end: end(range.end)?,
        })
    }
}
