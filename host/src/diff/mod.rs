//! What differs between two documents: key by key, and within a value path by path.
//!
//! A pure function. Values are JSON texts and stay texts, so numbers keep their digits; `1.0` and `1` differ. The order of
//! an object's members, and the spelling of strings, are no difference. What was added to a list or taken from it is told
//! as that, not as a list that took another one's place.

mod node;
mod path;
#[cfg(test)]
mod tests;
mod text;
mod value;

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::value::RawValue;

use node::Node;

pub use path::{Path, Segment};
pub use text::Colour;

/// A state at one time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Document {
    /// The version, where it is known.
    pub version: Option<u64>,
    /// The bytes that count against the limit, where they are known.
    pub size_bytes: Option<u64>,
    /// The keys, in the order in which they are to be told.
    pub entries: Vec<Entry>,
}

/// A key and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// The text of its JSON value.
    pub value: String,
    /// What else is known of it.
    pub attributes: Option<Attributes>,
}

/// What is known of a key beside its value. Times are milliseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Attributes {
    /// The document's version right after the last write to the key.
    pub version: u64,
    /// The bytes that key and value take of the document's size.
    pub size_bytes: u64,
    /// When the key was made.
    pub created_at: u64,
    /// When it was last written.
    pub updated_at: u64,
    /// When it stops to exist; none for never.
    pub expires_at: Option<u64>,
}

/// The differences. Serializes to JSON, displays as text ([`Difference::text`]).
#[derive(Debug, Clone, Serialize)]
pub struct Difference {
    /// The versions, where both are known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<BeforeAfter<u64>>,
    /// The sizes, where both are known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size_bytes: Option<BeforeAfter<u64>>,
    /// The keys that differ: first those that were there before, then those that are new.
    pub keys: Vec<KeyDifference>,
}

/// Two of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct BeforeAfter<T> {
    /// As it was.
    pub before: T,
    /// As it is.
    pub after: T,
}

/// How a key differs.
#[derive(Debug, Clone, Serialize)]
pub struct KeyDifference {
    /// The key.
    pub key: String,
    /// What became of it.
    #[serde(flatten)]
    pub change: KeyChange,
    /// What else is known of it; without those of a time at which it is not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attributes: Option<BeforeAfter<Option<Attributes>>>,
}

/// What became of a key.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum KeyChange {
    /// It is new.
    Added {
        /// Its value.
        value: Box<RawValue>,
    },
    /// It is gone.
    Removed {
        /// The value that it had.
        value: Box<RawValue>,
    },
    /// Its value differs, or what is known beside it does: then there are no edits.
    Changed {
        /// What turns the value as it was into what it is, one after another.
        edits: Vec<Edit>,
    },
}

/// One change within a value. Each is about the value that the ones before it left.
#[derive(Debug, Clone, Serialize)]
pub struct Edit {
    /// Where.
    pub path: Path,
    /// What.
    #[serde(flatten)]
    pub change: Change,
}

/// A change at one place.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum Change {
    /// A member is new; or an item is, before the one that had its index.
    Added {
        /// What it holds.
        value: Box<RawValue>,
    },
    /// A member or an item is gone.
    Removed {
        /// What it held.
        value: Box<RawValue>,
    },
    /// A value took another one's place.
    Changed {
        /// The one that was there.
        before: Box<RawValue>,
        /// The one that is.
        after: Box<RawValue>,
    },
    /// A list has more items at its end.
    Appended {
        /// They, in their order in the list.
        items: Vec<Box<RawValue>>,
    },
    /// A list has more items at its beginning.
    Prepended {
        /// They, in their order in the list.
        items: Vec<Box<RawValue>>,
    },
    /// A list lost its first items.
    PoppedFirst {
        /// They, in their order in the list.
        items: Vec<Box<RawValue>>,
    },
    /// A list lost its last items.
    PoppedLast {
        /// They, in their order in the list.
        items: Vec<Box<RawValue>>,
    },
}

/// A value that cannot be compared.
#[derive(Debug, thiserror::Error)]
#[error("the value of {key:?} is not JSON: {problem}")]
pub struct InvalidValue {
    /// Its key.
    pub key: String,
    /// What is wrong with it.
    pub problem: String,
}

impl Difference {
    /// What turns `before` into `after`.
    pub fn between(before: &Document, after: &Document) -> Result<Self, InvalidValue> {
        let mut new: BTreeMap<&str, &Entry> = after.entries.iter().map(|entry| (&*entry.key, entry)).collect();
        let mut keys = Vec::new();
        for old in &before.entries {
            keys.extend(match new.remove(&*old.key) {
                Some(new) => changed(old, new)?,
                None => Some(removed(old)?),
            });
        }
        for entry in after.entries.iter().filter(|entry| new.contains_key(&*entry.key)) {
            keys.push(added(entry)?);
        }
        Ok(Self {
            version: both(before.version, after.version),
            size_bytes: both(before.size_bytes, after.size_bytes),
            keys,
        })
    }

    /// Whether no key differs.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
}

fn added(entry: &Entry) -> Result<KeyDifference, InvalidValue> {
    let value = Node::of(entry)?.to_json();
    Ok(KeyDifference {
        key: entry.key.clone(),
        change: KeyChange::Added { value },
        attributes: attributes(None, entry.attributes),
    })
}

fn removed(entry: &Entry) -> Result<KeyDifference, InvalidValue> {
    let value = Node::of(entry)?.to_json();
    Ok(KeyDifference {
        key: entry.key.clone(),
        change: KeyChange::Removed { value },
        attributes: attributes(entry.attributes, None),
    })
}

/// None if nothing differs.
fn changed(before: &Entry, after: &Entry) -> Result<Option<KeyDifference>, InvalidValue> {
    if before == after {
        return Ok(None);
    }
    let edits = value::edits(&Node::of(before)?, &Node::of(after)?);
    // Where only one side knows more than the value, that is no difference.
    let same_beside = match (before.attributes, after.attributes) {
        (Some(before), Some(after)) => before == after,
        _ => true,
    };
    Ok((!edits.is_empty() || !same_beside).then(|| KeyDifference {
        key: before.key.clone(),
        change: KeyChange::Changed { edits },
        attributes: attributes(before.attributes, after.attributes),
    }))
}

fn attributes(before: Option<Attributes>, after: Option<Attributes>) -> Option<BeforeAfter<Option<Attributes>>> {
    (before.is_some() || after.is_some()).then_some(BeforeAfter { before, after })
}

fn both<T>(before: Option<T>, after: Option<T>) -> Option<BeforeAfter<T>> {
    Some(BeforeAfter {
        before: before?,
        after: after?,
    })
}
