//! Naming keys, a page at a time.

use automation_kv_engine::Session;
use automation_kv_engine::document::Document;
use automation_kv_engine::model::{Expiry, Listed, Operation, Outcome, Page, Reason};

use crate::support::*;

fn list(prefix: &str, limit: u32, cursor: Option<&str>) -> Operation {
    Operation::ListKeys {
        prefix: prefix.to_owned(),
        limit: Some(limit),
        cursor: cursor.map(str::to_owned),
        values: false,
    }
}

fn page(session: &mut Session, operation: Operation) -> (Vec<String>, Option<String>) {
    match outcome(session, operation) {
        Outcome::Keys(page) => (page.keys.into_iter().map(|listed| listed.key).collect(), page.next),
        other => panic!("{other:?} is no page"),
    }
}

fn is_refused(session: &mut Session, operation: Operation) -> bool {
    matches!(
        refuse(session, [operation]).reason,
        Reason::InvalidArgument { name: "cursor", .. }
    )
}

/// `a1`, `b1`, `a2`, `b2`, … at version 1.
fn some_keys() -> Session {
    let mut session = empty();
    let names = ["a1", "b1", "a2", "b2", "a3", "b3", "a4", "b4"];
    accept(&mut session, names.map(|name| set(name, "1")));
    session
}

#[test]
fn values_and_attributes_come_along_if_asked_for() {
    let mut session = empty();
    accept(&mut session, [set_until("k", "[1]", Expiry::After(5))]);
    for values in [false, true] {
        let operation = Operation::ListKeys {
            prefix: String::new(),
            limit: None,
            cursor: None,
            values,
        };
        let listed = Listed {
            key: "k".to_owned(),
            value: values.then(|| "[1]".to_owned()),
            attributes: entry(&mut session, "k").attributes,
        };
        let keys = vec![listed];
        assert_eq!(
            outcome(&mut session, operation),
            Outcome::Keys(Page { keys, next: None })
        );
    }
    // {"k":[1]} is nine bytes: a member is counted with a comma, and braces are not.
    assert_eq!(entry(&mut session, "k").attributes.size_bytes, 8);
}

#[test]
fn pages_of_a_prefix_follow_each_other_to_the_end() {
    let mut session = some_keys();
    let (keys, next) = page(&mut session, list("a", 3, None));
    assert_eq!(keys, ["a1", "a2", "a3"]);
    let (keys, next) = page(&mut session, list("a", 3, next.as_deref()));
    assert_eq!((keys, next), (vec!["a4".to_owned()], None));
}

#[test]
fn a_last_page_that_is_full_says_that_it_is_the_last() {
    let (keys, next) = page(&mut some_keys(), list("a", 4, None));
    assert_eq!((keys.len(), next), (4, None));
    let (keys, next) = page(&mut some_keys(), list("missing", 4, None));
    assert_eq!((keys.len(), next), (0, None));
}

#[test]
fn a_cursor_survives_deletions_and_later_sessions() {
    let mut session = some_keys();
    let (_, next) = page(&mut session, list("a", 2, None));
    accept(
        &mut session,
        [delete("a1"), delete("a2"), delete("a3"), set("a1", "2"), set("a5", "3")],
    );
    let expected = ["a4", "a1", "a5"];
    assert_eq!(page(&mut session, list("a", 9, next.as_deref())).0, expected);
    let mut session = reopened(&session, 0);
    assert_eq!(page(&mut session, list("a", 9, next.as_deref())).0, expected);
}

#[test]
fn an_ordinal_is_not_used_again_after_the_last_key_was_deleted() {
    let mut session = some_keys();
    let (_, next) = page(&mut session, list("", 7, None));
    accept(&mut session, [delete("b3"), delete("a4"), delete("b4")]);
    let mut session = reopened(&session, 0);
    accept(&mut session, [set("new", "1")]);
    assert_eq!(page(&mut session, list("", 9, next.as_deref())).0, ["new"]);
}

#[test]
fn a_cursor_of_another_prefix_or_state_is_refused() {
    let mut session = some_keys();
    let (_, next) = page(&mut session, list("a", 2, None));
    assert!(is_refused(&mut session, list("b", 2, next.as_deref())));
    assert!(is_refused(&mut session, list("", 2, next.as_deref())));
    let mut other = Session::new(Document::default(), limits(0), NOW + 1);
    assert!(is_refused(&mut other, list("a", 2, next.as_deref())));
    accept(&mut other, [set("a1", "1")]);
    assert!(is_refused(&mut other, list("a", 2, next.as_deref())));
}

#[test]
fn what_is_no_cursor_is_refused() {
    let mut session = some_keys();
    let (_, next) = page(&mut session, list("a", 2, None));
    let next = next.unwrap();
    for cursor in [
        "",
        "x",
        "0",
        &next[1..],
        &format!("{next}A"),
        &next.replace('A', "B"),
        &"é".repeat(33),
        &"_".repeat(33),
    ] {
        assert!(is_refused(&mut session, list("a", 2, Some(cursor))), "{cursor}");
    }
}

#[test]
fn a_limit_of_nothing_is_refused_before_keys_are_looked_at() {
    let reason = refuse(&mut empty(), [get("$bad"), list("", 0, None)]).reason;
    assert!(matches!(reason, Reason::InvalidArgument { name: "limit", .. }));
}

#[test]
fn keys_of_format_1_can_be_listed_in_pages() {
    // Version 1, made and written at 1, two keys `a` and `b` with the values 1 and 2.
    let bytes = b"\x01\x01\x01\x01\x02\x01a\x01\x01\x01\x00\x01\x01b\x01\x01\x01\x00\x0112";
    let mut session = open(bytes, 0);
    let (keys, next) = page(&mut session, list("", 1, None));
    assert_eq!(keys, ["a"]);
    accept(&mut session, [delete("a"), set("c", "3")]);
    let mut session = reopened(&session, 0);
    assert_eq!(page(&mut session, list("", 9, next.as_deref())).0, ["b", "c"]);
}
