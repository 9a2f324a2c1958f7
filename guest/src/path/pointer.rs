//! JSON Pointers (RFC 6901): `/a/0/x~1y`, where `~1` is a slash and `~0` a tilde. The empty one is the whole value.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::Segment;
use crate::limits::MAX_PATH_SEGMENTS;

/// Reads a pointer. The error says what is wrong with it.
pub fn parse(pointer: &str) -> Result<Vec<Segment>, String> {
    if pointer.is_empty() {
        return Ok(Vec::new());
    }
    let Some(tokens) = pointer.strip_prefix('/') else {
        return Err(format!(
            "Invalid pointer: '{pointer}' is not empty and does not start with '/'"
        ));
    };
    let mut segments = Vec::new();
    for token in tokens.split('/') {
        let name = unescape(token).ok_or_else(|| format!("Invalid pointer: a '~' without 0 or 1 in '{pointer}'"))?;
        segments.push(Segment {
            is_behind_last: name == "-",
            ..Segment::plain(&name)
        });
    }
    if segments.len() > MAX_PATH_SEGMENTS {
        return Err(format!(
            "Pointer exceeds maximum depth of {MAX_PATH_SEGMENTS} ({} segments)",
            segments.len()
        ));
    }
    Ok(segments)
}

fn unescape(token: &str) -> Option<String> {
    let mut name = String::with_capacity(token.len());
    let mut rest = token;
    while let Some((plain, escape)) = rest.split_once('~') {
        name.push_str(plain);
        name.push(match escape.bytes().next()? {
            b'0' => '~',
            b'1' => '/',
            _ => return None,
        });
        rest = &escape[1..];
    }
    name.push_str(rest);
    Some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(pointer: &str) -> Vec<String> {
        let segments = parse(pointer).unwrap();
        segments.into_iter().map(|segment| segment.encoded).collect()
    }

    #[test]
    fn the_examples_of_rfc_6901_name_what_it_says() {
        for (pointer, expected) in [
            ("/foo", vec!["\"foo\""]),
            ("/foo/0", vec!["\"foo\"", "\"0\""]),
            ("/", vec!["\"\""]),
            ("/a~1b", vec!["\"a/b\""]),
            ("/c%d", vec!["\"c%d\""]),
            ("/i\\j", vec!["\"i\\\\j\""]),
            ("/k\"l", vec!["\"k\\\"l\""]),
            ("/ ", vec!["\" \""]),
            ("/m~0n", vec!["\"m~n\""]),
            ("/~01", vec!["\"~1\""]),
        ] {
            assert_eq!(names(pointer), expected, "{pointer}");
        }
        assert_eq!(names(""), Vec::<String>::new());
    }

    #[test]
    fn only_digits_without_leading_zeros_index_a_list_and_a_hyphen_is_behind_it() {
        let segments = parse("/0/12/01/-/+1/").unwrap();
        let indexes: Vec<_> = segments.iter().map(|segment| segment.index).collect();
        assert_eq!(indexes, [Some(0), Some(12), None, None, None, None]);
        let behind: Vec<_> = segments.iter().map(|segment| segment.is_behind_last).collect();
        assert_eq!(behind, [false, false, false, true, false, false]);
    }

    #[test]
    fn what_is_not_a_pointer_is_refused() {
        for pointer in ["a", "a/b", "/~", "/~2", "/a~/b", "#/a", &"/a".repeat(33)] {
            assert!(parse(pointer).is_err(), "{pointer}");
        }
        assert_eq!(parse(&"/a".repeat(32)).unwrap().len(), 32);
    }
}
