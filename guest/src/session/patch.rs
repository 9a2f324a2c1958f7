//! Setting one member inside an object, without reading anything beside the way to it.

use alloc::format;
use alloc::string::String;

use super::{Done, Session};
use crate::json::read;
use crate::model::{Kind, Outcome, Reason};
use crate::path::{self, Segment};

impl Session {
    /// Sets the member at a path; objects missing on the way are made, the key too if `create`.
    pub(super) fn patch(&mut self, key: String, path: &str, value: String, create: bool) -> Done {
        let place = self.document.find(&key);
        let object = match place {
            Some(place) => self.typed(place, Kind::Object)?,
            None if create => "{}",
            None => return Err(Reason::KeyNotFound),
        };
        let segments = path::parse(path).map_err(Reason::InvalidPath)?;
        let patched = set_member(object, &segments, &value).ok_or_else(|| {
            Reason::InvalidPath(format!("Cannot set path '{path}': intermediate value is not a dict"))
        })?;
        self.put(place, key, patched);
        Ok(Outcome::Patched(value))
    }
}

/// The text of `object` with the member at the path set; none if something on the way is not an
/// object.
fn set_member(object: &str, path: &[Segment], value: &str) -> Option<String> {
    let mut at = 0..object.len();
    for (depth, segment) in path.iter().enumerate() {
        let inner = &object[at.clone()];
        if read::kind(inner) != Kind::Object {
            return None;
        }
        match read::member(inner, &segment.encoded) {
            Some(member) => at = at.start + member.start..at.start + member.end,
            None => {
                let comma = if inner == "{}" { "" } else { "," };
                let addition = format!("{comma}{}:{}", segment.encoded, nested(&path[depth + 1..], value));
                return Some(splice(object, at.end - 1, at.end - 1, &addition));
            }
        }
    }
    Some(splice(object, at.start, at.end, value))
}

/// `value` inside new objects, one for each segment.
fn nested(path: &[Segment], value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for segment in path {
        text.push('{');
        text.push_str(&segment.encoded);
        text.push(':');
    }
    text.push_str(value);
    text.extend(path.iter().map(|_| '}'));
    text
}

fn splice(text: &str, start: usize, end: usize, middle: &str) -> String {
    let mut out = String::with_capacity(text.len() + middle.len());
    out.push_str(&text[..start]);
    out.push_str(middle);
    out.push_str(&text[end..]);
    out
}
