//! Going on with a batch only if something holds.

use super::{Action, Wording};
use crate::api::fields::Fields;
use crate::api::precondition;
use crate::engine::types::Test;

/// What can be checked.
const TESTS: [&str; 4] = ["exists", "absent", "equals", "version"];

/// Checks a key, or a place in its value: `exists`, `absent`, `equals` or `version`.
pub(super) fn check(key: &str, fields: &mut Fields<'_>) -> Action {
    let given: Vec<&str> = TESTS.into_iter().filter(|name| fields.has(name)).collect();
    let test = match given.as_slice() {
        ["exists"] => is_true(fields, "exists", Test::Exists),
        ["absent"] => is_true(fields, "absent", Test::Absent),
        ["equals"] => Test::Equals(fields.required("equals").to_string()),
        ["version"] => match fields.required_number("version", 0..=u64::MAX) {
            0 => Test::Absent,
            version => Test::KeyVersion(vec![version]),
        },
        [] => {
            fields.problem(
                "exists",
                "one of exists, absent, equals and version is required",
                "missing",
            );
            Test::Exists
        }
        several => {
            for name in several {
                fields.take(name);
                fields.problem(name, "is one test too many: only one at a time", "value_error");
            }
            Test::Exists
        }
    };
    // Only the whole key has a version.
    let path = match given.as_slice() {
        ["version"] => None,
        _ => fields.optional_string("path"),
    };
    Action::of(precondition::check(key, path, test), Wording::Usual)
}

fn is_true(fields: &mut Fields<'_>, name: &str, test: Test) -> Test {
    if !fields.flag(name) {
        fields.problem(
            name,
            "must be true; exists and absent are each other's opposite",
            "value_error",
        );
    }
    test
}
