//! Removing items and members that match.

use automation_kv_engine::model::{Filter, Kind, Operation, Outcome, Reason};

use crate::support::*;

fn remove(matching: Filter) -> Operation {
    Operation::Remove {
        key: "a".to_owned(),
        matching,
    }
}

fn older_than(field: Option<&str>, milliseconds: u64) -> Filter {
    Filter::OlderThan {
        field: field.map(str::to_owned),
        milliseconds,
    }
}

fn field_equals(field: &str, value: &str) -> Filter {
    Filter::FieldEquals {
        field: field.to_owned(),
        value: value.to_owned(),
    }
}

/// What is left of a value, and how much went.
fn without(before: &str, matching: Filter) -> (String, u64) {
    let mut session = holding("a", before);
    let Outcome::Removed(removed) = outcome(&mut session, remove(matching)) else {
        panic!("a number of items");
    };
    (value(&mut session, "a"), removed)
}

#[test]
fn items_go_that_are_equal_as_values() {
    let equals = |value: &str| Filter::Equals(value.to_owned());
    assert_eq!(
        without("[1,2,1.0,\"1\",10e-1]", equals("1")),
        ("[2,\"1\"]".to_owned(), 3)
    );
    let (left, removed) = without(r#"[{"x":1,"y":2},{"y":2,"x":1.0},{"x":1}]"#, equals(r#"{"y":2,"x":1}"#));
    assert_eq!((left.as_str(), removed), (r#"[{"x":1}]"#, 2));
    assert_eq!(without("[[],{}]", equals("[]")), ("[{}]".to_owned(), 1));
    assert_eq!(without("[1,1]", equals("1")), ("[]".to_owned(), 2));
}

#[test]
fn members_go_by_their_values_and_keep_the_spelling_of_the_others() {
    let filter = field_equals("status.name", "\"done\"");
    let before =
        r#"{"m1":{"status":{"name":"done"}},"m2":{"status":1.50},"m3":null,"m4":{"status":{"name":"done","x":1}}}"#;
    assert_eq!(
        without(before, filter),
        (r#"{"m2":{"status":1.50},"m3":null}"#.to_owned(), 2)
    );
    let all = Filter::Equals("1".to_owned());
    assert_eq!(without(r#"{"a":1,"b":1}"#, all), ("{}".to_owned(), 2));
}

#[test]
fn entries_are_pruned_by_age_whatever_the_spelling_of_the_time() {
    // NOW is 1700000000 seconds.
    let before = concat!(
        r#"{"new":{"ts":1699999990},"exact":{"ts":1699999989.0},"old":{"ts":1699999988.999},"slack":{"ts":"1699999988.999900"},"#,
        r#""slack_new":{"ts":"1699999989.000100"},"rfc":{"ts":"2023-11-14T22:13:08+00:00"},"rfc_new":{"ts":"2023-11-14T22:13:09Z"},"#,
        r#""none":{},"odd":{"ts":"yesterday"},"future":{"ts":1e12}}"#
    );
    let (left, removed) = without(before, older_than(Some("ts"), 11_000));
    assert_eq!(removed, 3);
    for name in ["new", "exact", "slack_new", "rfc_new", "none", "odd", "future"] {
        assert!(left.contains(&format!("\"{name}\":")), "{name}");
    }
}

#[test]
fn an_item_itself_can_be_the_time() {
    assert_eq!(
        without("[1699999999,1700000000,1700000001]", older_than(None, 0)),
        ("[1700000000,1700000001]".to_owned(), 1)
    );
    assert_eq!(
        without("[-1e300,0,1]", older_than(None, u64::MAX)),
        ("[0,1]".to_owned(), 1)
    );
}

#[test]
fn removing_nothing_is_no_write() {
    let mut session = holding("a", "[1]");
    let reply = accept(&mut session, [remove(Filter::Equals("2".to_owned()))]);
    assert_eq!((reply.version, reply.outcomes), (1, vec![Outcome::Removed(0)]));
    assert_eq!(
        outcome(&mut empty(), remove(Filter::Equals("2".to_owned()))),
        Outcome::Removed(0)
    );
}

#[test]
fn what_has_no_parts_is_a_mismatch_and_a_malformed_field_is_refused() {
    let reason = refuse(&mut holding("a", "1"), [remove(field_equals("[", "1"))]).reason;
    let expected = Reason::TypeMismatch {
        expected: Kind::Object,
        found: Kind::Integer,
    };
    assert_eq!(reason, expected);
    for matching in [field_equals("[", "1"), older_than(Some(""), 1)] {
        let reason = refuse(&mut holding("a", "[]"), [remove(matching)]).reason;
        assert!(matches!(reason, Reason::InvalidPath(_)));
    }
}
