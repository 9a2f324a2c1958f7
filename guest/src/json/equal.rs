//! Whether two values are the same, whatever their spelling.

use alloc::vec::Vec;

use super::decimal::Decimal;
use super::read;
use crate::model::Kind;

/// What is deeper is equal to nothing but its own text: no value that is kept reaches as deep, and looking costs stack.
const DEEPEST_LEVELS: usize = 128;

/// Whether two normalized texts stand for the same value: numbers by what they are worth, objects whatever the order of
/// their members. Strings have one spelling only once they are normalized.
pub fn is_equal(left: &str, right: &str) -> bool {
    is_equal_within(left, right, DEEPEST_LEVELS)
}

fn is_equal_within(left: &str, right: &str, levels: usize) -> bool {
    if left == right {
        return true;
    }
    match (read::kind(left), read::kind(right)) {
        (Kind::Integer | Kind::Float, Kind::Integer | Kind::Float) => {
            Decimal::read(left).is_some_and(|number| Some(number) == Decimal::read(right))
        }
        (Kind::List, Kind::List) if levels > 0 => {
            let (mut ours, mut theirs) = (read::items(left), read::items(right));
            loop {
                match (ours.next(), theirs.next()) {
                    (None, None) => return true,
                    (Some(our), Some(their))
                        if is_equal_within(&left[our.clone()], &right[their.clone()], levels - 1) => {}
                    _ => return false,
                }
            }
        }
        (Kind::Object, Kind::Object) if levels > 0 => {
            let (ours, theirs) = (members_by_name(left), members_by_name(right));
            let are_equal = |((name, our), (their_name, their)): (&(&str, &str), &(&str, &str))| {
                name == their_name && is_equal_within(our, their, levels - 1)
            };
            ours.len() == theirs.len() && ours.iter().zip(&theirs).all(are_equal)
        }
        _ => false,
    }
}

fn members_by_name(object: &str) -> Vec<(&str, &str)> {
    let mut members: Vec<_> = read::members(object)
        .map(|(name, value)| (&object[name], &object[value]))
        .collect();
    members.sort_unstable();
    members
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    #[test]
    fn order_counts_in_lists_and_not_in_objects() {
        assert!(is_equal(
            r#"{"a":1,"b":[{"c":2,"d":3}]}"#,
            r#"{"b":[{"d":3.0,"c":2e0}],"a":1}"#
        ));
        assert!(!is_equal("[1,2]", "[2,1]"));
        assert!(!is_equal("[1,2]", "[1]"));
        assert!(!is_equal(r#"{"a":1}"#, r#"{"a":1,"b":1}"#));
        assert!(!is_equal(r#"{"a":1}"#, r#"{"b":1}"#));
    }

    #[test]
    fn values_of_different_kinds_are_different() {
        let values = ["null", "true", "false", "0", "\"0\"", "\"\"", "[]", "{}"];
        for (at, left) in values.iter().enumerate() {
            for (other, right) in values.iter().enumerate() {
                assert_eq!(is_equal(left, right), at == other, "{left} {right}");
            }
        }
    }

    #[test]
    fn absurd_nesting_is_no_crash() {
        let deep = |inside| format!("{}{inside}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(!is_equal(&deep("1"), &deep("1.0")));
    }
}
