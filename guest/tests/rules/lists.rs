//! Lists: capped pushes, pops of several, ranges and trims.

use automation_kv_engine::model::{Expiry, Kind, ListEnd, Operation, Outcome, Reason};

use crate::support::*;

fn push_capped(value: &str, end: ListEnd, max_length: u64) -> Operation {
    Operation::Push {
        key: "a".to_owned(),
        value: value.to_owned(),
        end,
        max_length: Some(max_length),
        expiry: Expiry::Keep,
    }
}

fn pop_some(end: ListEnd, count: u32) -> Operation {
    Operation::Pop {
        key: "a".to_owned(),
        end,
        count,
    }
}

fn range(start: i64, stop: i64) -> Operation {
    Operation::Range {
        key: "a".to_owned(),
        start,
        stop,
    }
}

fn trim(start: i64, stop: i64) -> Operation {
    Operation::Trim {
        key: "a".to_owned(),
        start,
        stop,
    }
}

fn items(texts: &[&str]) -> Outcome {
    Outcome::Items(texts.iter().map(|&text| text.to_owned()).collect())
}

#[test]
fn a_capped_log_is_one_call() {
    let mut session = empty();
    for (end, after) in [(ListEnd::Tail, "[3,4,5]"), (ListEnd::Head, "[5,4,3]")] {
        accept(&mut session, [delete("a")]);
        for (item, length) in [("1", 1), ("2", 2), ("3", 3), ("4", 3), ("5", 3)] {
            assert_eq!(
                outcome(&mut session, push_capped(item, end, 3)),
                Outcome::Length(length)
            );
        }
        assert_eq!(value(&mut session, "a"), after);
    }
}

#[test]
fn a_cap_cuts_a_list_that_is_much_longer() {
    for (end, cap, after) in [
        (ListEnd::Tail, 1, "[9]"),
        (ListEnd::Head, 1, "[9]"),
        (ListEnd::Tail, 2, "[[3,\",]\"],9]"),
        (ListEnd::Head, 2, "[9,1]"),
        (ListEnd::Tail, u64::MAX, "[1,{\"x\":2},[3,\",]\"],9]"),
    ] {
        let mut session = holding("a", r#"[1,{"x":2},[3,",]"]]"#);
        accept(&mut session, [push_capped("9", end, cap)]);
        assert_eq!(value(&mut session, "a"), after);
    }
}

#[test]
fn a_push_can_set_how_long_the_list_lives() {
    let mut session = empty();
    let push_until = |expiry| Operation::Push {
        key: "a".to_owned(),
        value: "1".to_owned(),
        end: ListEnd::Tail,
        max_length: None,
        expiry,
    };
    accept(&mut session, [push_until(Expiry::After(5))]);
    accept(&mut session, [push_until(Expiry::Keep)]);
    assert_eq!(entry(&mut session, "a").attributes.expires_at, Some(NOW + 5));
    assert_eq!(outcome(&mut session, push_until(Expiry::At(1))), Outcome::Length(3));
    assert!(keys(&mut session).is_empty());
}

#[test]
fn several_items_are_popped_in_the_order_in_which_they_are_taken() {
    for (end, count, taken, after) in [
        (ListEnd::Head, 2, vec!["1", "2"], "[3]"),
        (ListEnd::Tail, 2, vec!["3", "2"], "[1]"),
        (ListEnd::Head, 3, vec!["1", "2", "3"], "[]"),
        (ListEnd::Tail, u32::MAX, vec!["3", "2", "1"], "[]"),
    ] {
        let mut session = holding("a", "[1,2,3]");
        assert_eq!(outcome(&mut session, pop_some(end, count)), items(&taken));
        assert_eq!(value(&mut session, "a"), after);
    }
}

#[test]
fn a_range_counts_as_redis_does() {
    let mut session = holding("a", r#"["a","b","c"]"#);
    for (start, stop, expected) in [
        (0, -1, vec!["\"a\"", "\"b\"", "\"c\""]),
        (0, 0, vec!["\"a\""]),
        (-2, -1, vec!["\"b\"", "\"c\""]),
        (1, 100, vec!["\"b\"", "\"c\""]),
        (-100, 0, vec!["\"a\""]),
        (i64::MIN, i64::MAX, vec!["\"a\"", "\"b\"", "\"c\""]),
        (2, 1, vec![]),
        (3, 3, vec![]),
        (0, -4, vec![]),
        (i64::MAX, i64::MAX, vec![]),
        (i64::MIN, i64::MIN, vec![]),
    ] {
        assert_eq!(
            outcome(&mut session, range(start, stop)),
            items(&expected),
            "{start} {stop}"
        );
    }
    assert_eq!(accept(&mut session, [range(0, 1)]).version, 1);
}

#[test]
fn a_trim_keeps_a_range_and_is_a_write_only_if_something_went() {
    let mut session = holding("a", "[1,2,3,4]");
    assert_eq!(accept(&mut session, [trim(0, -1)]).version, 1);
    assert_eq!(accept(&mut session, [trim(-3, -1)]).outcomes, [Outcome::Length(3)]);
    assert_eq!(value(&mut session, "a"), "[2,3,4]");
    assert_eq!(accept(&mut session, [trim(5, 9)]).outcomes, [Outcome::Length(0)]);
    assert_eq!(value(&mut session, "a"), "[]");
    assert_eq!(accept(&mut session, [trim(5, 9)]).version, 3);
}

#[test]
fn ranges_and_trims_need_a_list() {
    for operation in [range(0, 1), trim(0, 1)] {
        assert_eq!(refuse(&mut empty(), [operation.clone()]).reason, Reason::KeyNotFound);
        let reason = refuse(&mut holding("a", "{}"), [operation]).reason;
        let expected = Reason::TypeMismatch {
            expected: Kind::List,
            found: Kind::Object,
        };
        assert_eq!(reason, expected);
    }
}

#[test]
fn counts_of_nothing_are_refused() {
    for (operation, named) in [
        (pop_some(ListEnd::Head, 0), "count"),
        (push_capped("1", ListEnd::Head, 0), "max-length"),
    ] {
        let reason = refuse(&mut empty(), [operation]).reason;
        assert!(matches!(reason, Reason::InvalidArgument { name, .. } if name == named));
    }
}
