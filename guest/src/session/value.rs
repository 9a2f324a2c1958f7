//! Whole values: get, set, delete.

use alloc::borrow::ToOwned;
use alloc::string::String;

use super::{Done, Session};
use crate::json::read;
use crate::model::{Condition, Entry, Kind, Outcome, Reason};
use crate::path::{self, Segment};

impl Session {
    /// The value under a key, or what a path into it names.
    pub(super) fn get(&self, key: &str, path: Option<&str>) -> Done {
        let place = self.existing(key)?;
        let value = self.document.value(place);
        let value = match path {
            Some(path) => descend(value, &path::parse(path).map_err(Reason::InvalidPath)?)?,
            None => value,
        };
        let record = self.document.record(place);
        Ok(Outcome::Value(Entry {
            value: value.to_owned(),
            key_version: record.version,
            created_at: record.created_at,
            updated_at: record.updated_at,
        }))
    }

    /// Stores a value.
    pub(super) fn set(&mut self, key: String, value: String, condition: Condition) -> Done {
        let place = self.document.find(&key);
        match (condition, place) {
            (Condition::IfAbsent, Some(_)) => return Err(Reason::KeyExists),
            (Condition::IfPresent, None) => return Err(Reason::KeyAbsent),
            _ => {}
        }
        self.put(place, key, value.clone());
        Ok(Outcome::Stored {
            created: place.is_none(),
            value,
            updated_at: self.now,
        })
    }

    /// Removes a key.
    pub(super) fn delete(&mut self, key: &str) -> Outcome {
        let place = self.document.find(key);
        if let Some(place) = place {
            self.journal.remove(&mut self.document, place);
        }
        Outcome::Deleted(place.is_some())
    }
}

fn descend<'a>(value: &'a str, path: &[Segment]) -> Result<&'a str, Reason> {
    path.iter().try_fold(value, |value, segment| {
        let found = match read::kind(value) {
            Kind::Object => read::member(value, &segment.encoded),
            Kind::List => segment.index.and_then(|index| read::items(value).nth(index)),
            _ => None,
        };
        found.map(|range| &value[range]).ok_or(Reason::PathNotFound)
    })
}
