//! Going on only if something holds.

use automation_kv_engine::model::{Operation, Outcome, Reason, Test};

use crate::support::*;

fn check_at(key: &str, path: &str, test: Test) -> Operation {
    Operation::Check {
        key: key.to_owned(),
        path: Some(path.to_owned()),
        test,
    }
}

fn equals(value: &str) -> Test {
    Test::Equals(value.to_owned())
}

#[test]
fn several_checks_and_writes_are_one_step() {
    let mut session = holding("a", r#"{"state":"open"}"#);
    let close = || {
        [
            check_at("a", "state", equals("\"open\"")),
            check("b", Test::Absent),
            patch("a", "state", "\"closed\""),
            set("b", "1"),
        ]
    };
    assert_eq!(
        accept(&mut session, close()).outcomes[..2],
        [Outcome::Checked, Outcome::Checked]
    );
    let rejection = refuse(&mut session, close());
    assert_eq!(rejection, at(0, Reason::CheckFailed { key_version: Some(2) }));
}

#[test]
fn a_check_is_no_write() {
    let mut session = holding("a", "1");
    let reply = accept(&mut session, [check("a", Test::Exists), check("a", equals("1"))]);
    assert_eq!(reply.version, 1);
}

#[test]
fn what_a_path_does_not_reach_is_absent() {
    let mut session = holding("a", r#"{"list":[1]}"#);
    for path in ["x", "list[1]", "list.x", "list[0].x"] {
        accept(&mut session, [check_at("a", path, Test::Absent)]);
        refuse(&mut session, [check_at("a", path, Test::Exists)]);
        refuse(&mut session, [check_at("a", path, equals("null"))]);
    }
    accept(&mut session, [check_at("missing", "x", Test::Absent)]);
    accept(&mut session, [check_at("a", "list[0]", Test::Exists)]);
}

#[test]
fn equality_is_that_of_values() {
    let mut session = holding("a", r#"{"n":1.0,"s":"é","l":[1,{"x":null}]}"#);
    accept(
        &mut session,
        [check("a", equals(r#" {"l":[1e0,{"x":null}], "s":"\u00e9", "n":1} "#))],
    );
    for other in [r#"{"n":1}"#, r#"{"n":1,"s":"é","l":[{"x":null},1]}"#, "null"] {
        let rejection = refuse(&mut session, [check("a", equals(other))]);
        assert_eq!(rejection.reason, Reason::CheckFailed { key_version: Some(1) });
    }
}

#[test]
fn a_version_of_a_key_is_that_of_its_last_write() {
    let mut session = holding("a", "1");
    accept(&mut session, [set("b", "1")]);
    accept(&mut session, [check("a", Test::KeyVersion(vec![7, 1]))]);
    accept(&mut session, [check("b", Test::KeyVersion(vec![2]))]);
    let rejection = refuse(&mut session, [check("b", Test::KeyVersion(vec![1]))]);
    assert_eq!(rejection, at(0, Reason::CheckFailed { key_version: Some(2) }));
    let rejection = refuse(&mut session, [check("c", Test::KeyVersion(vec![0, 1, 2]))]);
    assert_eq!(rejection, at(0, Reason::CheckFailed { key_version: None }));
    refuse(&mut session, [check("a", Test::KeyVersion(vec![]))]);
}

#[test]
fn a_malformed_path_is_refused_even_if_the_key_is_absent() {
    let reason = refuse(&mut empty(), [check_at("a", "[", Test::Absent)]).reason;
    assert!(matches!(reason, Reason::InvalidPath(_)));
}

#[test]
fn a_value_to_compare_with_must_be_one_that_could_be_kept() {
    let reason = refuse(&mut empty(), [check("a", equals("{"))]).reason;
    assert!(matches!(reason, Reason::InvalidJson(_)));
    let mut session = holding("a", "1");
    for value in ["1e999", &lists(33)] {
        // It is equal to nothing, so that is what comes first.
        let reason = refuse(&mut session, [check("a", equals(value))]).reason;
        assert_eq!(reason, Reason::CheckFailed { key_version: Some(1) });
    }
    let reason = refuse(&mut session, [set("a", "1e999"), check("a", equals("1e999"))]).reason;
    assert!(matches!(reason, Reason::InvalidValue(_)));
}
