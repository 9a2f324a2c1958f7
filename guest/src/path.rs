//! Paths into a value: `a.b`, `a["x.y"]`, `list[0]`, `list.0`.
//!
//! Dots separate segments, and empty segments between dots are skipped. A segment may also stand in
//! brackets, where quotes let it hold anything but that quote.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

pub mod pointer;

use crate::json;
use crate::limits::MAX_PATH_SEGMENTS;

/// One step down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// The name as a JSON string, quotes included, ready to be compared with stored text.
    pub encoded: String,
    /// The list index it stands for: plain decimal digits without quotes and leading zeros.
    pub index: Option<usize>,
    /// Whether it stands for the place behind the last item of a list: `-` in a pointer.
    pub is_behind_last: bool,
}

/// Reads a path. The error says what is wrong with it.
pub fn parse(path: &str) -> Result<Vec<Segment>, String> {
    let mut segments = Vec::new();
    let mut rest = path;
    let mut after_bracket = false;
    while !rest.is_empty() {
        if let Some(inside) = rest.strip_prefix('[') {
            let (segment, left) = bracketed(path, inside)?;
            segments.push(segment);
            rest = left;
            after_bracket = true;
        } else if let Some(left) = rest.strip_prefix('.') {
            rest = left;
            after_bracket = false;
        } else {
            let end = rest.find(['.', '[', ']']).unwrap_or(rest.len());
            if after_bracket || rest[end..].starts_with(']') {
                return Err(format!("Invalid path: misplaced bracket in '{path}'"));
            }
            segments.push(Segment::plain(&rest[..end]));
            rest = &rest[end..];
        }
    }
    if segments.is_empty() {
        return Err(format!("Invalid path: '{path}' names nothing"));
    }
    if segments.len() > MAX_PATH_SEGMENTS {
        return Err(format!(
            "Path exceeds maximum depth of {MAX_PATH_SEGMENTS} ({} segments)",
            segments.len()
        ));
    }
    Ok(segments)
}

/// Reads a segment after its opening bracket; gives what is left after the closing one.
fn bracketed<'a>(path: &str, inside: &'a str) -> Result<(Segment, &'a str), String> {
    let unclosed = || format!("Invalid path: unclosed bracket in '{path}'");
    let Some(quote) = inside.chars().next().filter(|first| matches!(first, '"' | '\'')) else {
        let (name, left) = inside.split_once(']').ok_or_else(unclosed)?;
        return Ok((Segment::plain(name), left));
    };
    let (name, left) = inside[1..].split_once(quote).ok_or_else(unclosed)?;
    let left = left.strip_prefix(']').ok_or_else(unclosed)?;
    Ok((Segment::quoted(name), left))
}

impl Segment {
    fn plain(name: &str) -> Self {
        let is_index = name.bytes().all(|byte| byte.is_ascii_digit()) && (name == "0" || !name.starts_with('0'));
        Self {
            index: if is_index { name.parse().ok() } else { None },
            ..Self::quoted(name)
        }
    }

    fn quoted(name: &str) -> Self {
        let mut encoded = String::with_capacity(name.len() + 2);
        json::push_string(&mut encoded, name);
        Self {
            encoded,
            index: None,
            is_behind_last: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(path: &str) -> Vec<String> {
        parse(path)
            .unwrap()
            .into_iter()
            .map(|segment| segment.encoded)
            .collect()
    }

    #[test]
    fn dots_and_brackets_mix() {
        assert_eq!(names("a.b"), ["\"a\"", "\"b\""]);
        assert_eq!(names("['a.b'].c[\"d]e\"][0]"), ["\"a.b\"", "\"c\"", "\"d]e\"", "\"0\""]);
        assert_eq!(names(".a..[1]."), ["\"a\"", "\"1\""]);
        assert_eq!(names("[\"\"]"), ["\"\""]);
        assert_eq!(names("[]"), ["\"\""]);
        assert_eq!(names("it's"), ["\"it's\""]);
    }

    #[test]
    fn only_plain_decimal_digits_index_a_list() {
        let index = |path| parse(path).unwrap()[0].index;
        assert_eq!(index("0"), Some(0));
        assert_eq!(index("[12]"), Some(12));
        for path in [
            "[\"1\"]",
            "01",
            "-1",
            "+1",
            "[ 1]",
            "1_0",
            "١",
            "99999999999999999999999",
            "[]",
        ] {
            assert_eq!(index(path), None, "{path}");
        }
    }

    #[test]
    fn what_is_not_a_path_is_refused() {
        for path in [
            "",
            ".",
            "...",
            "[",
            "a[",
            "a[b",
            "[\"x]",
            "[\"]",
            "name]",
            "[x]y",
            "[[x]]",
            "a[\"x\"y]",
        ] {
            assert!(parse(path).is_err(), "{path}");
        }
    }

    #[test]
    fn thirty_two_segments_are_the_most() {
        assert_eq!(parse(&"n.".repeat(32)).unwrap().len(), 32);
        assert_eq!(
            parse(&"n.".repeat(33)).unwrap_err(),
            "Path exceeds maximum depth of 32 (33 segments)"
        );
    }
}
