//! Places within a value, written as the API's paths.

use std::fmt;

use serde::{Serialize, Serializer};

/// A place within a value: the way to it from outside. Empty for the whole value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Path(pub Vec<Segment>);

/// One step down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Segment {
    /// Into an object.
    Member(String),
    /// Into a list.
    Item(usize),
}

impl Path {
    /// The path to what lies within.
    pub(super) fn to(&self, segment: Segment) -> Self {
        let mut segments = self.0.clone();
        segments.push(segment);
        Self(segments)
    }
}

/// As `?path=` takes it: `a.b`, `a["x.y"]`, `list[0]`.
impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (depth, segment) in self.0.iter().enumerate() {
            match segment {
                Segment::Item(index) => write!(f, "[{index}]")?,
                Segment::Member(name) if is_plain(name) && depth > 0 => write!(f, ".{name}")?,
                Segment::Member(name) if is_plain(name) => f.write_str(name)?,
                Segment::Member(name) if name.contains('"') => write!(f, "['{name}']")?,
                Segment::Member(name) => write!(f, "[\"{name}\"]")?,
            }
        }
        Ok(())
    }
}

/// Whether a name needs no brackets: it would not be taken for an index, and ends nothing.
fn is_plain(name: &str) -> bool {
    let is_word = |character: char| character.is_alphanumeric() || "_-$@:/".contains(character);
    !name.is_empty() && name.chars().all(is_word) && !name.chars().all(|character| character.is_ascii_digit())
}

impl Serialize for Path {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_written_as_the_api_reads_them() {
        let member = |name: &str| Segment::Member(name.to_string());
        for (segments, expected) in [
            (vec![], ""),
            (vec![member("a"), member("b")], "a.b"),
            (vec![member("a"), member("x.y")], "a[\"x.y\"]"),
            (vec![Segment::Item(0), member("a"), Segment::Item(7)], "[0].a[7]"),
            (vec![member("7"), member("")], "[\"7\"][\"\"]"),
            (vec![member("say \"hi\"")], "['say \"hi\"']"),
        ] {
            assert_eq!(Path(segments).to_string(), expected);
        }
    }
}
