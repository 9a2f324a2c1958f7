//! Finding one's way in text that [`normalize`](super::normalize) made. Nothing here allocates or
//! looks deeper than it must.

use core::ops::Range;

use crate::model::Kind;

/// What kind of value `text` is, from its first byte (and, for numbers, all of them; `NaN` and the infinities, which no
/// commit lets through, are floats).
pub fn kind(text: &str) -> Kind {
    match text.as_bytes().first() {
        Some(b'n') => Kind::Null,
        Some(b't' | b'f') => Kind::Boolean,
        Some(b'"') => Kind::Text,
        Some(b'[') => Kind::List,
        Some(b'{') => Kind::Object,
        _ if text
            .bytes()
            .any(|byte| matches!(byte, b'.' | b'e' | b'E' | b'I' | b'N')) =>
        {
            Kind::Float
        }
        _ => Kind::Integer,
    }
}

/// The items of a list, as ranges of `text`, first to last.
pub fn items(text: &str) -> Elements<'_> {
    Elements::new(text, 1)
}

/// As [`items`], of what is between the brackets or a part of it.
pub fn run_of_items(text: &str) -> Elements<'_> {
    Elements::new(text, 0)
}

/// The members of an object, first to last: the ranges of the name (with its quotes) and the value.
pub fn members(text: &str) -> impl Iterator<Item = (Range<usize>, Range<usize>)> + '_ {
    pairs(Elements::new(text, 1))
}

/// As [`members`], of what is between the braces or a part of it.
pub fn run_of_members(text: &str) -> impl Iterator<Item = (Range<usize>, Range<usize>)> + '_ {
    pairs(Elements::new(text, 0))
}

fn pairs(mut elements: Elements<'_>) -> impl Iterator<Item = (Range<usize>, Range<usize>)> + '_ {
    core::iter::from_fn(move || {
        let name = elements.next()?;
        elements.at = name.end + 1;
        let value = elements.element()?;
        Some((name, value))
    })
}

/// What is between the brackets or braces of a container.
pub fn inside(text: &str) -> &str {
    text.get(1..text.len().saturating_sub(1)).unwrap_or_default()
}

/// The value of the member whose name, as JSON text with its quotes, is `name`.
pub fn member(text: &str, name: &str) -> Option<Range<usize>> {
    members(text)
        .find(|(candidate, _)| &text[candidate.clone()] == name)
        .map(|(_, value)| value)
}

/// Walks over what is between the brackets of a container.
pub struct Elements<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Elements<'a> {
    fn new(text: &'a str, at: usize) -> Self {
        Self {
            bytes: text.as_bytes(),
            at,
        }
    }

    /// The value at the cursor, which moves past it and its comma; none at the closing bracket.
    fn element(&mut self) -> Option<Range<usize>> {
        if matches!(self.bytes.get(self.at), None | Some(b']' | b'}')) {
            return None;
        }
        let start = self.at;
        let end = value_end(self.bytes, start);
        self.at = if self.bytes.get(end) == Some(&b',') {
            end + 1
        } else {
            end
        };
        Some(start..end)
    }
}

impl Iterator for Elements<'_> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        self.element()
    }
}

/// The end of the value that starts at `start`.
fn value_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start;
    let mut open = 0_usize;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => {
                at = string_end(bytes, at);
                if open == 0 {
                    return at;
                }
                continue;
            }
            b'[' | b'{' => open += 1,
            b',' | b']' | b'}' if open == 0 => return at,
            b']' | b'}' => {
                open -= 1;
                if open == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
        at += 1;
    }
    at
}

/// The end of the string whose opening quote is at `start`.
fn string_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    fn texts(list: &str) -> Vec<&str> {
        items(list).map(|range| &list[range]).collect()
    }

    #[test]
    fn items_of_every_kind_are_told_apart() {
        assert_eq!(texts("[]"), Vec::<&str>::new());
        assert_eq!(
            texts(r#"[1,"a,]\"[",[2,[3]],{"k":[4]},null]"#),
            ["1", r#""a,]\"[""#, "[2,[3]]", r#"{"k":[4]}"#, "null"]
        );
    }

    #[test]
    fn a_member_is_found_by_its_whole_name_at_its_own_level() {
        let object = r#"{"a":{"b":1},"b":[2],"":3,"x\"y":4}"#;
        let get = |name| member(object, name).map(|range| &object[range]);
        assert_eq!(get(r#""b""#), Some("[2]"));
        assert_eq!(get(r#""""#), Some("3"));
        assert_eq!(get(r#""x\"y""#), Some("4"));
        assert_eq!(get(r#""c""#), None);
        assert_eq!(member("{}", r#""a""#), None);
    }

    #[test]
    fn kinds_tell_integers_from_floats() {
        assert_eq!(kind("-12"), Kind::Integer);
        assert_eq!(kind("1.0"), Kind::Float);
        assert_eq!(kind("1e3"), Kind::Float);
    }
}
