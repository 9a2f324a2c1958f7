//! Whole values: get, check, set, expire, delete.

use alloc::borrow::ToOwned;
use alloc::string::String;

use super::{Done, Session};
use crate::document::Record;
use crate::json::{equal, read};
use crate::model::{Attributes, Condition, Entry, Expiry, Kind, Outcome, Reason, Stored, Test};
use crate::path::{self, Segment};

impl Session {
    /// The value under a key, or what a path into it names.
    pub(super) fn get(&self, key: &str, path: Option<&str>) -> Done {
        let place = self.existing(key)?;
        let value = self.document.value(place);
        let value = match path {
            Some(path) => {
                let path = path::parse(path).map_err(Reason::InvalidPath)?;
                descend(value, &path).ok_or(Reason::PathNotFound)?
            }
            None => value,
        };
        Ok(Outcome::Value(Entry {
            value: value.to_owned(),
            attributes: self.attributes(place),
        }))
    }

    /// Stops the request unless something holds.
    pub(super) fn check(&self, key: &str, path: Option<&str>, test: &Test) -> Done {
        // Unlike a read, a check says nothing about a key that is absent: so a malformed path always counts.
        let path = path.map(path::parse).transpose().map_err(Reason::InvalidPath)?;
        let place = self.document.find(key);
        let found = place.and_then(|place| {
            let value = self.document.value(place);
            path.map_or(Some(value), |path| descend(value, &path))
        });
        let key_version = place.map(|place| self.document.record(place).version);
        let holds = match test {
            Test::Exists => found.is_some(),
            Test::Absent => found.is_none(),
            Test::Equals(value) => found.is_some_and(|found| equal::is_equal(found, value)),
            Test::KeyVersion(versions) => key_version.is_some_and(|version| versions.contains(&version)),
        };
        if holds {
            Ok(Outcome::Checked)
        } else {
            Err(Reason::CheckFailed { key_version })
        }
    }

    /// Stores a value.
    pub(super) fn set(&mut self, key: String, value: String, condition: Condition, expiry: Expiry) -> Done {
        let place = self.document.find(&key);
        match (condition, place) {
            (Condition::IfAbsent, Some(_)) => return Err(Reason::KeyExists),
            (Condition::IfPresent, None) => return Err(Reason::KeyAbsent),
            _ => {}
        }
        let expires_at = self.resolve(expiry, place);
        self.put_until(place, key, value.clone(), expires_at);
        Ok(Outcome::Stored(Stored {
            created: place.is_none(),
            value,
            updated_at: self.now,
            expires_at,
        }))
    }

    /// Sets how long a key is to live. The time that it has already is no write.
    pub(super) fn expire(&mut self, key: &str, expiry: Expiry) -> Done {
        let place = self.existing(key)?;
        let expires_at = self.resolve(expiry, Some(place));
        let Record {
            value,
            created_at,
            expires_at: before,
            ..
        } = self.document.record(place);
        if expires_at.is_some_and(|at| at <= self.now) {
            self.take_out(place);
        } else if expires_at != *before {
            let record = Record {
                value: value.clone(),
                created_at: *created_at,
                updated_at: self.now,
                version: self.document.version + 1,
                expires_at,
            };
            self.journal.replace(&mut self.document, place, record);
        }
        Ok(Outcome::Expires(expires_at))
    }

    /// Removes a key.
    pub(super) fn delete(&mut self, key: &str) -> Outcome {
        let place = self.document.find(key);
        if let Some(place) = place {
            self.take_out(place);
        }
        Outcome::Removed(u64::from(place.is_some()))
    }

    /// What is known of the key in a place beside its value.
    pub(super) fn attributes(&self, place: usize) -> Attributes {
        let record = self.document.record(place);
        Attributes {
            size_bytes: self.document.key_bytes(place),
            key_version: record.version,
            created_at: record.created_at,
            updated_at: record.updated_at,
            expires_at: record.expires_at,
        }
    }
}

/// What a path into a value names.
pub fn descend<'a>(value: &'a str, path: &[Segment]) -> Option<&'a str> {
    path.iter().try_fold(value, |value, segment| {
        let found = match read::kind(value) {
            Kind::Object => read::member(value, &segment.encoded),
            Kind::List => segment.index.and_then(|index| read::items(value).nth(index)),
            _ => None,
        };
        found.map(|range| &value[range])
    })
}
