//! JSON values as trees whose leaves are texts.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Entry, InvalidValue};

/// States hold 32 levels; what a file holds may be deeper, and is not followed without end.
const MAX_DEPTH: usize = 128;

/// A value, and the text that it was read from. Two are equal if they hold the same, whatever the order of members, the
/// white space and the escapes; numbers by their digits.
#[derive(Debug)]
pub(super) struct Node<'a> {
    text: &'a RawValue,
    pub(super) shape: Shape<'a>,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Shape<'a> {
    Object(BTreeMap<String, Node<'a>>),
    List(Vec<Node<'a>>),
    Text(String),
    /// A number, `true`, `false` or `null`.
    Literal(&'a str),
}

impl<'a> Node<'a> {
    /// The value of a key.
    pub(super) fn of(entry: &'a Entry) -> Result<Self, InvalidValue> {
        let text = parsed(&entry.value).and_then(|text| Self::read(text, MAX_DEPTH));
        text.map_err(|problem| InvalidValue {
            key: entry.key.clone(),
            problem,
        })
    }

    /// The text that it was read from.
    pub(super) fn to_json(&self) -> Box<RawValue> {
        self.text.to_owned()
    }

    fn read(text: &'a RawValue, depth_left: usize) -> Result<Self, String> {
        let Some(depth_left) = depth_left.checked_sub(1) else {
            return Err(format!("it is nested deeper than {MAX_DEPTH} levels"));
        };
        let json = text.get();
        let shape = match json.as_bytes().first() {
            Some(b'{') => {
                let members = parsed::<BTreeMap<String, &RawValue>>(json)?.into_iter();
                let members = members.map(|(name, value)| Ok((name, Self::read(value, depth_left)?)));
                Shape::Object(members.collect::<Result<_, String>>()?)
            }
            Some(b'[') => {
                let items = parsed::<Vec<&RawValue>>(json)?.into_iter();
                let items = items.map(|item| Self::read(item, depth_left));
                Shape::List(items.collect::<Result<_, String>>()?)
            }
            Some(b'"') => Shape::Text(parsed(json)?),
            _ => Shape::Literal(json),
        };
        Ok(Self { text, shape })
    }
}

fn parsed<'a, T: Deserialize<'a>>(json: &'a str) -> Result<T, String> {
    serde_json::from_str(json).map_err(|error| error.to_string())
}

impl PartialEq for Node<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.shape == other.shape
    }
}

impl Eq for Node<'_> {}

impl PartialOrd for Node<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Node<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.shape.cmp(&other.shape)
    }
}

impl Hash for Node<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.shape.hash(state);
    }
}
