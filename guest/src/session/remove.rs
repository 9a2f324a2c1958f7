//! Removing the items of a list, or the members of an object, that match.

use alloc::string::String;
use alloc::vec::Vec;

use super::value::descend;
use super::{Done, Session};
use crate::json::{equal, read, time};
use crate::model::{Filter, Kind, Outcome, Reason, TimestampMs};
use crate::path::{self, Segment};

impl Session {
    /// Removes all that match; none is no write.
    pub(super) fn remove(&mut self, key: String, matching: &Filter) -> Done {
        let Some(place) = self.document.find(&key) else {
            return Ok(Outcome::Removed(0));
        };
        let value = self.document.value(place);
        let kind = read::kind(value);
        if !matches!(kind, Kind::List | Kind::Object) {
            return Err(Reason::TypeMismatch {
                expected: Kind::Object,
                found: kind,
            });
        }
        let matcher = Matcher::new(matching, self.now)?;
        let mut rest = String::with_capacity(value.len());
        rest.push(if kind == Kind::Object { '{' } else { '[' });
        let mut removed = 0;
        let mut keep_unless_matching = |element: &str, candidate: &str| {
            if matcher.matches(candidate) {
                removed += 1;
            } else {
                if rest.len() > 1 {
                    rest.push(',');
                }
                rest.push_str(element);
            }
        };
        if kind == Kind::Object {
            read::members(value).for_each(|(name, member)| {
                keep_unless_matching(&value[name.start..member.end], &value[member]);
            });
        } else {
            read::items(value).for_each(|item| keep_unless_matching(&value[item.clone()], &value[item]));
        }
        if removed > 0 {
            rest.push(if kind == Kind::Object { '}' } else { ']' });
            self.put(Some(place), key, rest);
        }
        Ok(Outcome::Removed(removed))
    }
}

/// A filter that is ready to be used.
enum Matcher<'a> {
    Equals { field: Vec<Segment>, value: &'a str },
    Before { field: Vec<Segment>, milliseconds: i128 },
}

impl<'a> Matcher<'a> {
    fn new(filter: &'a Filter, now: TimestampMs) -> Result<Self, Reason> {
        let segments = |field: &str| path::parse(field).map_err(Reason::InvalidPath);
        Ok(match filter {
            Filter::Equals(value) => Self::Equals {
                field: Vec::new(),
                value,
            },
            Filter::FieldEquals { field, value } => Self::Equals {
                field: segments(field)?,
                value,
            },
            Filter::OlderThan { field, milliseconds } => Self::Before {
                field: field.as_deref().map_or(Ok(Vec::new()), segments)?,
                milliseconds: i128::from(now) - i128::from(*milliseconds),
            },
        })
    }

    fn matches(&self, candidate: &str) -> bool {
        match self {
            Self::Equals { field, value } => {
                descend(candidate, field).is_some_and(|found| equal::is_equal(found, value))
            }
            Self::Before { field, milliseconds } => descend(candidate, field)
                .and_then(time::floor_milliseconds)
                .is_some_and(|time| time < *milliseconds),
        }
    }
}
