//! Which of several things that are wrong is the one that is reported.

use crate::support::*;
use automation_kv_engine::model::{Condition, Kind, Operation, Reason};

#[test]
fn malformed_json_of_a_later_operation_comes_before_the_bad_key_of_an_earlier_one() {
    let rejection = refuse(&mut empty(), [get("$bad"), set("a", "{")]);
    assert_eq!(rejection.operation, Some(1));
    assert!(matches!(rejection.reason, Reason::InvalidJson(_)));
}

#[test]
fn a_bad_step_of_a_later_operation_comes_before_the_bad_key_of_an_earlier_one() {
    let rejection = refuse(&mut empty(), [get("$bad"), increment("a", "1.5")]);
    assert_eq!(rejection.operation, Some(1));
    assert!(matches!(rejection.reason, Reason::InvalidArgument { name: "by", .. }));
}

#[test]
fn of_malformed_json_and_bad_steps_the_first_operation_counts() {
    let rejection = refuse(&mut empty(), [increment("a", "null"), set("a", "{")]);
    assert_eq!(rejection.operation, Some(0));
    let rejection = refuse(&mut empty(), [set("a", "{"), increment("a", "null")]);
    assert_eq!(rejection.operation, Some(0));
}

#[test]
fn malformed_json_comes_before_a_bad_key_of_the_same_operation() {
    let rejection = refuse(&mut empty(), [set("$bad", "{")]);
    assert!(matches!(rejection.reason, Reason::InvalidJson(_)));
}

#[test]
fn a_bad_key_of_a_later_operation_comes_before_the_version() {
    let request = request([set("a", "1"), get("$bad")], Some(7));
    let rejection = empty().execute(request).unwrap_err();
    assert_eq!(rejection.operation, Some(1));
    assert!(matches!(rejection.reason, Reason::InvalidKey(_)));
}

#[test]
fn the_version_comes_before_what_the_operations_find() {
    let mut session = holding("a", "1");
    for operation in [set_if("a", "2", Condition::IfAbsent), push("a", "2"), get("missing")] {
        let rejection = session.execute(request([operation], Some(7))).unwrap_err();
        let reason = Reason::VersionMismatch { expected: 7, actual: 1 };
        assert_eq!(rejection, whole(reason));
    }
}

#[test]
fn a_negative_version_is_a_mismatch_like_any_other() {
    let rejection = empty().execute(request([get("a")], Some(-1))).unwrap_err();
    let reason = Reason::VersionMismatch {
        expected: -1,
        actual: 0,
    };
    assert_eq!(rejection, whole(reason));
}

#[test]
fn a_later_operation_that_fails_comes_before_an_earlier_one_that_is_too_large_or_too_deep() {
    let mut session = limited(20);
    let rejection = refuse(&mut session, [set("a", &lists(33)), get("missing")]);
    assert_eq!(rejection, at(1, Reason::KeyNotFound));
}

#[test]
fn the_first_operation_that_fails_is_the_one_named() {
    let rejection = refuse(&mut empty(), [set("a", "1"), push("a", "2"), get("missing")]);
    let reason = Reason::TypeMismatch {
        expected: Kind::List,
        found: Kind::Integer,
    };
    assert_eq!(rejection, at(1, reason));
}

#[test]
fn size_comes_before_depth_and_before_numbers_that_are_not_finite() {
    for value in [
        lists(33),
        "[1e999]".to_owned(),
        format!("[{},NaN]", "1,".repeat(9) + "1"),
    ] {
        let rejection = refuse(&mut limited(10), [set("a", &value)]);
        assert!(matches!(rejection.reason, Reason::TooLarge { .. }), "{value}");
    }
}

#[test]
fn of_values_that_cannot_be_kept_the_first_one_is_named() {
    let rejection = refuse(&mut empty(), [set("a", "1"), set("b", "1e999"), set("c", &lists(33))]);
    assert_eq!(rejection.operation, Some(1));
    assert!(matches!(rejection.reason, Reason::InvalidValue(_)));
}

#[test]
fn a_patch_asks_for_the_key_then_its_type_then_the_path_then_the_way() {
    let mut session = holding("list", "[]");
    accept(&mut session, [set("object", r#"{"a":1}"#)]);
    assert_eq!(
        refuse(&mut session, [patch("missing", "[", "1")]).reason,
        Reason::KeyNotFound
    );
    let reason = refuse(&mut session, [patch("list", "[", "1")]).reason;
    assert!(matches!(reason, Reason::TypeMismatch { found: Kind::List, .. }));
    for path in ["[", "", "a.b"] {
        let reason = refuse(&mut session, [patch("object", path, "1")]).reason;
        assert!(matches!(reason, Reason::InvalidPath(_)), "{path}");
    }
}

#[test]
fn a_read_asks_for_the_key_then_the_path_then_what_is_there() {
    let mut session = holding("a", "{}");
    let at_path = |key: &str, path: &str| Operation::Get {
        key: key.to_owned(),
        path: Some(path.to_owned()),
    };
    assert_eq!(
        refuse(&mut session, [at_path("missing", "[")]).reason,
        Reason::KeyNotFound
    );
    let reason = refuse(&mut session, [at_path("a", "[")]).reason;
    assert!(matches!(reason, Reason::InvalidPath(_)));
    assert_eq!(refuse(&mut session, [at_path("a", "b")]).reason, Reason::PathNotFound);
}

#[test]
fn not_a_number_is_a_float_to_a_counter_that_comes_after_it() {
    for value in ["1e999", "NaN", "Infinity"] {
        let rejection = refuse(&mut empty(), [set("a", value), increment("a", "1")]);
        let reason = Reason::TypeMismatch {
            expected: Kind::Integer,
            found: Kind::Float,
        };
        assert_eq!(rejection, at(1, reason), "{value}");
    }
}

#[test]
fn a_counter_that_meets_not_a_number_never_crashes() {
    let rejection = refuse(&mut empty(), [set("a", "NaN"), decrement("a", "99999")]);
    assert!(rejection.operation.is_some());
}
