//! Every limit at its edge and one beyond.

use crate::support::*;
use automation_kv_engine::Session;
use automation_kv_engine::document::Document;
use automation_kv_engine::model::{Expiry, Filter, Limits, Operation, Reason, Test};

#[test]
fn a_key_has_at_most_255_characters_whatever_their_bytes() {
    accept(&mut empty(), [set(&"🦀".repeat(255), "1")]);
    let rejection = refuse(&mut empty(), [set(&"k".repeat(256), "1")]);
    let reason = Reason::InvalidKey("key exceeds 255 chars (256 given)".to_owned());
    assert_eq!(rejection, at(0, reason));
}

#[test]
fn every_operation_checks_its_key() {
    for operation in [
        get("$k"),
        set("$k", "1"),
        patch("$k", "a", "1"),
        delete("$k"),
        increment("$k", "1"),
        decrement("$k", "1"),
        push("$k", "1"),
        pop("$k"),
        length("$k"),
        expire("$k", Expiry::Never),
        check("$k", Test::Exists),
        claim("$k", "me", 1),
        edit("$k", []),
        Operation::Range {
            key: "$k".to_owned(),
            start: 0,
            stop: 0,
        },
        Operation::Trim {
            key: "$k".to_owned(),
            start: 0,
            stop: 0,
        },
        Operation::Remove {
            key: "$k".to_owned(),
            matching: Filter::Equals("1".to_owned()),
        },
    ] {
        let rejection = refuse(&mut empty(), [list_keys(), operation.clone()]);
        assert_eq!(rejection.operation, Some(1), "{operation:?}");
        assert!(matches!(rejection.reason, Reason::InvalidKey(_)), "{operation:?}");
    }
}

#[test]
fn a_value_has_at_most_32_levels_and_a_scalar_is_one() {
    for fits in [lists(32), around("1", 31)] {
        accept(&mut empty(), [set("a", &fits)]);
    }
    for too_deep in [lists(33), around("1", 32)] {
        assert_too_deep(set("a", &too_deep));
    }
}

#[test]
fn a_pushed_item_starts_one_level_lower() {
    accept(&mut empty(), [push("a", &lists(31))]);
    assert_too_deep(push("a", &lists(32)));
}

#[test]
fn a_patched_value_starts_below_its_path() {
    accept(&mut empty(), [patch_or_create("a", &steps(31), "1")]);
    accept(&mut empty(), [patch_or_create("a", &steps(1), &lists(31))]);
    assert_too_deep(patch_or_create("a", &steps(32), "1"));
    assert_too_deep(patch_or_create("a", &steps(1), &lists(32)));
}

#[test]
fn a_path_has_at_most_32_segments() {
    let mut session = holding("a", "{}");
    let read = |count| Operation::Get {
        key: "a".to_owned(),
        path: Some(steps(count)),
    };
    assert_eq!(refuse(&mut session, [read(32)]).reason, Reason::PathNotFound);
    for operation in [read(33), patch("a", &steps(33), "1")] {
        let reason = refuse(&mut session, [operation]).reason;
        assert!(matches!(reason, Reason::InvalidPath(_)));
    }
}

#[test]
fn a_document_may_fill_its_limit_to_the_byte() {
    // {"a":"é"} is ten bytes, since é is two.
    accept(&mut limited(10), [set("a", "\"\\u00e9\"")]);
    let rejection = refuse(&mut limited(9), [set("a", "\"\\u00e9\"")]);
    assert_eq!(rejection, whole(too_large("a", 2, 10, 9)));
}

#[test]
fn size_counts_the_escapes_that_json_demands_in_keys_too() {
    // {"\"":1,"b":2} is fourteen bytes.
    accept(&mut limited(14), [set("\"", "1"), set("b", "2")]);
    let rejection = refuse(&mut limited(13), [set("\"", "1"), set("b", "2")]);
    assert_eq!(rejection, whole(too_large("b", 2, 14, 13)));
}

#[test]
fn only_what_a_request_leaves_behind_is_measured() {
    accept(&mut limited(10), [set("a", "1234567890"), set("a", "1")]);
    accept(&mut limited(10), [set("a", "1234567890"), delete("a")]);
}

#[test]
fn above_the_limit_everything_works_that_does_not_grow() {
    let large = holding("a", "[10,20,30]");
    for operation in [delete("a"), pop("a"), set("a", "[10,20,40]"), set("a", "1"), get("a")] {
        accept(&mut reopened(&large, 5), [operation]);
    }
    let rejection = refuse(&mut reopened(&large, 5), [push("a", "1")]);
    assert_eq!(rejection, whole(too_large("a", 16, 18, 5)));
}

#[test]
fn above_the_limit_the_key_that_grew_is_blamed_not_one_that_shrank() {
    let mut session = holding("a", "1234567890");
    accept(&mut session, [set("b", "1")]);
    let mut session = reopened(&session, 5);
    let rejection = refuse(&mut session, [set("a", "123456789"), set("b", "12345")]);
    assert_eq!(rejection, whole(too_large("b", 22, 25, 5)));
}

#[test]
fn no_limit_is_no_limit() {
    let large = format!("\"{}\"", "x".repeat(1_000_000));
    accept(&mut limited(0), [set("a", &large)]);
}

fn assert_too_deep(operation: Operation) {
    let rejection = refuse(&mut empty(), [operation]);
    let message = "Value exceeds maximum nesting depth of 32".to_owned();
    assert_eq!(rejection, at(0, Reason::InvalidValue(message)));
}

fn valued(value_bytes: u64) -> Session {
    let limits = Limits {
        state_bytes: 0,
        value_bytes,
    };
    Session::new(Document::default(), limits, NOW)
}

fn value_too_large(key: &str, size_bytes: u64, limit_bytes: u64) -> Reason {
    Reason::ValueTooLarge {
        key: key.to_owned(),
        size_bytes,
        limit_bytes,
    }
}

#[test]
fn a_value_may_fill_its_limit_to_the_byte() {
    accept(&mut valued(4), [set("a", "\"é\""), set("b", "1234"), set("c", "[ 1 ]")]);
    let mut session = valued(4);
    accept(&mut session, [set("a", "1234")]);
    for operation in [
        set("a", "12345"),
        set("b", "\"éé\""),
        increment("a", "9999"),
        patch_or_create("c", "x", "1"),
    ] {
        let rejection = refuse(&mut session, [operation]);
        assert!(matches!(rejection.reason, Reason::ValueTooLarge { .. }));
        assert_eq!(rejection.operation, None);
    }
    assert_eq!(
        refuse(&mut session, [set("a", "12345")]),
        whole(value_too_large("a", 5, 4))
    );
}

#[test]
fn only_values_that_a_request_leaves_behind_are_measured() {
    let mut session = valued(4);
    accept(
        &mut session,
        [set("a", "12345"), set("a", "1"), set("b", "12345"), delete("b")],
    );
    let rejection = refuse(&mut session, [set("c", "123456"), set("a", "12345")]);
    assert_eq!(rejection, whole(value_too_large("a", 5, 4)));
}

#[test]
fn a_value_above_the_limit_may_shrink_or_stay_and_not_grow() {
    let mut large = empty();
    accept(&mut large, [set("a", "[10,20,30]")]);
    let limits = Limits {
        state_bytes: 0,
        value_bytes: 5,
    };
    let bytes = large.changed().unwrap().encode();
    let large = || Session::new(Document::decode(bytes.clone(), 0).unwrap(), limits, NOW);
    for operation in [pop("a"), set("a", "[10,20,40]"), set("b", "1")] {
        accept(&mut large(), [operation]);
    }
    accept(&mut large(), [set("a", "1"), set("a", "[10,20,40]")]);
    accept(&mut large(), [delete("a"), set("a", "[10,20,40]")]);
    let rejection = refuse(&mut large(), [pop("a"), push("a", "4000")]);
    assert_eq!(rejection, whole(value_too_large("a", 12, 5)));
}

#[test]
fn the_limit_of_the_state_comes_before_that_of_values() {
    let limits = Limits {
        state_bytes: 10,
        value_bytes: 5,
    };
    let mut session = Session::new(Document::default(), limits, NOW);
    let rejection = refuse(&mut session, [set("a", "123456789")]);
    assert_eq!(rejection, whole(too_large("a", 2, 15, 10)));
}
