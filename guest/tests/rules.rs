//! The rules that random requests make hard to see, one example each: the order of checks, what becomes of a value's
//! spelling, every limit at its edge and one beyond, and the documents of the Python service.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    missing_docs,
    reason = "a test may panic, and its helpers speak for themselves"
)]

use automation_kv_engine::Session;
use automation_kv_engine::document::Document;
use automation_kv_engine::model::{
    Condition, Entry, Kind, Limits, ListEnd, Operation, Outcome, Reason, Rejection, Reply, Request,
};

const NOW: u64 = 1_700_000_000_000;
const SEALED_AT: u64 = 1_600_000_000_000;

mod order_of_checks {
    use super::*;

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
}

mod all_or_nothing {
    use super::*;

    #[test]
    fn a_refused_request_leaves_the_session_as_it_was_and_usable() {
        let mut session = holding("a", "[1]");
        refuse(
            &mut session,
            [push("a", "2"), set("b", "1"), pop("a"), delete("a"), get("a")],
        );
        assert_eq!(keys(&mut session), ["a"]);
        assert_eq!(value(&mut session, "a"), "[1]");
        assert_eq!(accept(&mut session, [push("a", "2")]).version, 2);
    }

    #[test]
    fn a_refused_delete_gives_the_key_its_place_back() {
        let mut session = holding("a", "1");
        accept(&mut session, [set("b", "2"), set("c", "3")]);
        refuse(&mut session, [delete("b"), set("b", "4"), delete("a"), get("a")]);
        assert_eq!(keys(&mut session), ["a", "b", "c"]);
        assert_eq!(value(&mut session, "b"), "2");
    }

    #[test]
    fn a_request_that_writes_raises_the_version_by_one_however_much_it_writes() {
        let mut session = empty();
        assert_eq!(
            accept(&mut session, [set("a", "1"), set("b", "1"), delete("a")]).version,
            1
        );
        assert_eq!(accept(&mut session, [set("b", "1")]).version, 2);
    }

    #[test]
    fn what_changes_nothing_leaves_the_version_and_saves_nothing() {
        let mut session = empty();
        assert_eq!(accept(&mut session, [delete("a"), pop("a")]).version, 0);
        assert!(session.changed().is_none());
    }

    #[test]
    fn a_request_may_ask_for_a_new_version_although_nothing_changes() {
        let mut session = empty();
        let request = Request {
            always_bump: true,
            ..request([delete("a")], Some(0))
        };
        assert_eq!(session.execute(request).unwrap().version, 1);
        assert!(session.changed().is_some());
    }

    #[test]
    fn the_version_goes_on_after_the_last_key_went() {
        let mut session = holding("a", "1");
        assert_eq!(accept(&mut session, [delete("a")]).version, 2);
        let mut session = reopened(&session, 0);
        assert_eq!(accept(&mut session, [set("a", "1")]).version, 3);
    }

    #[test]
    fn an_overwritten_key_keeps_its_place_and_a_key_made_again_goes_last() {
        let mut session = holding("a", "1");
        accept(&mut session, [set("b", "2")]);
        accept(&mut session, [set("a", "3")]);
        assert_eq!(keys(&mut session), ["a", "b"]);
        accept(&mut session, [delete("a"), set("a", "4")]);
        assert_eq!(keys(&mut session), ["b", "a"]);
    }
}

mod savepoints {
    use super::*;

    #[test]
    fn a_rollback_takes_back_values_version_and_the_need_to_save() {
        let mut session = empty();
        let start = session.savepoint();
        accept(&mut session, [set("a", "1")]);
        session.rollback(start);
        assert!(keys(&mut session).is_empty());
        assert!(session.changed().is_none());
        assert_eq!(accept(&mut session, [set("b", "1")]).version, 1);
    }

    #[test]
    fn a_savepoint_stays_after_a_rollback_and_later_ones_are_forgotten() {
        let mut session = empty();
        let first = session.savepoint();
        accept(&mut session, [set("a", "1")]);
        let second = session.savepoint();
        accept(&mut session, [set("b", "1")]);
        session.rollback(first);
        accept(&mut session, [set("c", "1")]);
        session.rollback(second);
        assert_eq!(keys(&mut session), ["c"]);
        session.rollback(first);
        assert!(keys(&mut session).is_empty());
    }

    #[test]
    fn an_unknown_savepoint_changes_nothing() {
        let mut session = holding("a", "1");
        session.rollback(0);
        session.rollback(u32::MAX);
        assert_eq!(keys(&mut session), ["a"]);
    }
}

mod spelling {
    use super::*;

    #[test]
    fn numbers_come_back_byte_for_byte() {
        for number in [
            "1.0",
            "-0",
            "-0.0",
            "0.10",
            "1E5",
            "1e+05",
            "1e-400",
            "123456789012345678901234567890",
            "3.14159265358979323846264338327950288",
        ] {
            let mut session = reopened(&holding("a", number), 0);
            assert_eq!(value(&mut session, "a"), number);
            let nested = format!("{{\"n\":[{number}]}}");
            accept(&mut session, [set("a", &nested)]);
            assert_eq!(value(&mut session, "a"), nested);
        }
    }

    #[test]
    fn of_duplicate_members_the_first_place_and_the_last_value_stay() {
        let mut session = holding("a", r#"{"x":1,"y":2,"x":{"z":1,"z":2}}"#);
        assert_eq!(value(&mut session, "a"), r#"{"x":{"z":2},"y":2}"#);
    }

    #[test]
    fn members_are_duplicates_whatever_the_spelling_of_their_names() {
        let mut session = holding("a", r#"{"é/":1,"\u00e9\/":2}"#);
        assert_eq!(value(&mut session, "a"), r#"{"é/":2}"#);
    }

    #[test]
    fn the_depth_of_a_duplicate_that_does_not_count_does_not_count() {
        let value = format!("{{\"x\":{},\"x\":1}}", lists(32));
        accept(&mut empty(), [set("a", &value)]);
    }

    #[test]
    fn white_space_and_escapes_go_unless_json_demands_them() {
        let mut session = holding("a", " [ \"\\u0041\\/\\u00e9\\u000a\\u001F\\ud83e\\udd80 \" ,\r\n\t1 ] ");
        assert_eq!(value(&mut session, "a"), "[\"A/é\\n\\u001f🦀 \",1]");
    }

    #[test]
    fn a_patched_member_leaves_the_spelling_of_its_neighbours() {
        let mut session = holding("a", r#"{"x":1.0,"y":{"z":1E2},"w":-0}"#);
        accept(&mut session, [patch("a", "y.z", "2.50"), patch("a", "y.new.er", "[]")]);
        assert_eq!(
            value(&mut session, "a"),
            r#"{"x":1.0,"y":{"z":2.50,"new":{"er":[]}},"w":-0}"#
        );
    }
}

mod counters {
    use super::*;

    #[test]
    fn a_counter_passes_64_and_128_bits_without_rounding() {
        for (start, by, sum) in [
            ("9223372036854775807", "1", "9223372036854775808"),
            ("-9223372036854775808", "-1", "-9223372036854775809"),
            ("18446744073709551615", "1", "18446744073709551616"),
            (
                "340282366920938463463374607431768211455",
                "1",
                "340282366920938463463374607431768211456",
            ),
        ] {
            let outcomes = accept(&mut holding("a", start), [increment("a", by)]).outcomes;
            assert_eq!(outcomes, [Outcome::Number(sum.to_owned())]);
        }
        let nines = "9".repeat(100);
        let outcomes = accept(&mut holding("a", &nines), [increment("a", "1"), decrement("a", "1")]).outcomes;
        let one_more = format!("1{}", "0".repeat(100));
        assert_eq!(outcomes, [Outcome::Number(one_more), Outcome::Number(nines)]);
    }

    #[test]
    fn what_is_not_an_integer_is_not_counted_even_when_it_is_whole() {
        for (value, found) in [
            ("1.0", Kind::Float),
            ("1e3", Kind::Float),
            ("true", Kind::Boolean),
            ("null", Kind::Null),
            ("\"1\"", Kind::Text),
            ("[1]", Kind::List),
            ("{}", Kind::Object),
        ] {
            let expected = Kind::Integer;
            let rejection = refuse(&mut holding("a", value), [increment("a", "1")]);
            assert_eq!(rejection, at(0, Reason::TypeMismatch { expected, found }), "{value}");
        }
    }

    #[test]
    fn a_step_of_nothing_is_a_write() {
        assert_eq!(accept(&mut holding("a", "5"), [increment("a", "-0")]).version, 2);
    }
}

mod limits {
    use super::*;

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
        ] {
            let rejection = refuse(&mut empty(), [Operation::ListKeys, operation.clone()]);
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
}

mod documents_of_the_python_service {
    use super::*;

    const STORED: &str = r#"{"b": {"x": [1, 2.0, null]}, "$version": 41, "a": "\u00e9", "$other": 1}"#;

    #[test]
    fn keys_values_and_version_are_read_and_names_with_a_dollar_are_not_keys() {
        let mut session = open(STORED.as_bytes(), 0);
        assert_eq!(keys(&mut session), ["b", "a"]);
        assert_eq!(value(&mut session, "b"), r#"{"x":[1,2.0,null]}"#);
        assert_eq!(value(&mut session, "a"), "\"é\"");
    }

    #[test]
    fn their_keys_are_as_old_as_the_seal() {
        let mut session = open(STORED.as_bytes(), 0);
        let entry = Entry {
            value: "\"é\"".to_owned(),
            key_version: 41,
            created_at: SEALED_AT,
            updated_at: SEALED_AT,
        };
        assert_eq!(accept(&mut session, [get("a")]).outcomes, [Outcome::Value(entry)]);
    }

    #[test]
    fn reading_leaves_them_as_they_are() {
        let mut session = open(STORED.as_bytes(), 0);
        assert_eq!(accept(&mut session, [get("a"), delete("missing")]).version, 41);
        assert!(session.changed().is_none());
    }

    #[test]
    fn the_next_write_makes_them_ours_and_counts_on() {
        let mut session = open(STORED.as_bytes(), 0);
        assert_eq!(session.execute(request([set("c", "3")], Some(41))).unwrap().version, 42);
        let bytes = session.changed().unwrap().encode();
        assert_eq!(bytes[0], 1);
        let mut session = open(&bytes, 0);
        assert_eq!(keys(&mut session), ["b", "a", "c"]);
        assert_eq!(value(&mut session, "b"), r#"{"x":[1,2.0,null]}"#);
        assert_eq!(accept(&mut session, [get("a")]).version, 42);
    }

    #[test]
    fn a_missing_version_is_zero() {
        assert_eq!(accept(&mut open(b"{\"a\": 1}", 0), [set("a", "2")]).version, 1);
    }

    #[test]
    fn their_size_is_that_of_the_compact_text_without_names_of_the_system() {
        // {"a":1} is seven bytes.
        let mut session = open(b"{\"a\": 1, \"$version\": 1}", 13);
        accept(&mut session, [set("b", "2")]);
        let rejection = refuse(&mut session, [set("b", "22")]);
        assert_eq!(rejection, whole(too_large("b", 13, 14, 13)));
    }
}

fn empty() -> Session {
    limited(0)
}

fn limited(state_bytes: u64) -> Session {
    Session::new(Document::default(), Limits { state_bytes }, NOW)
}

/// A session with one key, at version 1.
fn holding(key: &str, value: &str) -> Session {
    let mut session = empty();
    accept(&mut session, [set(key, value)]);
    session
}

fn open(bytes: &[u8], state_bytes: u64) -> Session {
    let document = Document::decode(bytes.to_vec(), SEALED_AT).unwrap();
    Session::new(document, Limits { state_bytes }, NOW)
}

/// The next session on what a session that wrote leaves.
fn reopened(session: &Session, state_bytes: u64) -> Session {
    open(&session.changed().expect("a write").encode(), state_bytes)
}

fn request<const N: usize>(operations: [Operation; N], if_version: Option<i64>) -> Request {
    Request {
        operations: operations.into(),
        if_version,
        always_bump: false,
    }
}

fn accept<const N: usize>(session: &mut Session, operations: [Operation; N]) -> Reply {
    session.execute(request(operations, None)).expect("an accepted request")
}

fn refuse<const N: usize>(session: &mut Session, operations: [Operation; N]) -> Rejection {
    session
        .execute(request(operations, None))
        .expect_err("a refused request")
}

fn keys(session: &mut Session) -> Vec<String> {
    match accept(session, [Operation::ListKeys]).outcomes.remove(0) {
        Outcome::Keys(keys) => keys,
        other => panic!("{other:?} are no keys"),
    }
}

fn value(session: &mut Session, key: &str) -> String {
    match accept(session, [get(key)]).outcomes.remove(0) {
        Outcome::Value(entry) => entry.value,
        other => panic!("{other:?} is no value"),
    }
}

fn get(key: &str) -> Operation {
    Operation::Get {
        key: key.to_owned(),
        path: None,
    }
}

fn set(key: &str, value: &str) -> Operation {
    set_if(key, value, Condition::Always)
}

fn set_if(key: &str, value: &str, condition: Condition) -> Operation {
    Operation::Set {
        key: key.to_owned(),
        value: value.to_owned(),
        condition,
    }
}

fn patch(key: &str, path: &str, value: &str) -> Operation {
    Operation::Patch {
        key: key.to_owned(),
        path: path.to_owned(),
        value: value.to_owned(),
        create: false,
    }
}

fn patch_or_create(key: &str, path: &str, value: &str) -> Operation {
    Operation::Patch {
        key: key.to_owned(),
        path: path.to_owned(),
        value: value.to_owned(),
        create: true,
    }
}

fn delete(key: &str) -> Operation {
    Operation::Delete { key: key.to_owned() }
}

fn increment(key: &str, by: &str) -> Operation {
    Operation::Increment {
        key: key.to_owned(),
        by: by.to_owned(),
    }
}

fn decrement(key: &str, by: &str) -> Operation {
    Operation::Decrement {
        key: key.to_owned(),
        by: by.to_owned(),
    }
}

fn push(key: &str, value: &str) -> Operation {
    Operation::Push {
        key: key.to_owned(),
        value: value.to_owned(),
        end: ListEnd::Tail,
    }
}

fn pop(key: &str) -> Operation {
    Operation::Pop {
        key: key.to_owned(),
        end: ListEnd::Head,
    }
}

fn length(key: &str) -> Operation {
    Operation::Length { key: key.to_owned() }
}

/// So many lists in one another, the innermost one empty.
fn lists(levels: usize) -> String {
    around("", levels)
}

fn around(inside: &str, lists: usize) -> String {
    format!("{}{inside}{}", "[".repeat(lists), "]".repeat(lists))
}

fn steps(count: usize) -> String {
    vec!["a"; count].join(".")
}

fn too_large(key: &str, current_bytes: u64, size_bytes: u64, limit_bytes: u64) -> Reason {
    Reason::TooLarge {
        key: key.to_owned(),
        current_bytes,
        size_bytes,
        limit_bytes,
    }
}

fn at(index: u32, reason: Reason) -> Rejection {
    Rejection {
        operation: Some(index),
        reason,
    }
}

fn whole(reason: Reason) -> Rejection {
    Rejection {
        operation: None,
        reason,
    }
}
