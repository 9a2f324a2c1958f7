//! What a request may ask for, and that nobody learns anything about the rest.

use automation_kv_engine::Session;
use automation_kv_engine::model::{
    Condition, Expiry, Filter, Forbidden, ListEnd, Once, Operation, OperationNames, Outcome, Page, Reason, Rejection,
    Request, Scope, Step, Test,
};

use crate::support::*;

fn everything() -> Scope {
    Scope {
        may_write: true,
        key_prefixes: None,
        operations: OperationNames::all(),
    }
}

fn read_only() -> Scope {
    Scope {
        may_write: false,
        ..everything()
    }
}

fn keys_below<const N: usize>(prefixes: [&str; N]) -> Scope {
    Scope {
        key_prefixes: Some(prefixes.map(str::to_owned).into()),
        ..everything()
    }
}

fn only(operations: OperationNames) -> Scope {
    Scope {
        operations,
        ..everything()
    }
}

fn within<const N: usize>(scope: Scope, operations: [Operation; N]) -> Request {
    Request {
        scope: Some(scope),
        ..request(operations, None)
    }
}

fn forbidden(index: u32, what: Forbidden) -> Rejection {
    at(index, Reason::Forbidden(what))
}

fn list_below(prefix: &str) -> Operation {
    Operation::ListKeys {
        prefix: prefix.to_owned(),
        limit: None,
        cursor: None,
        values: true,
    }
}

fn names(session: &mut Session, scope: Scope, prefix: &str) -> Result<Vec<String>, Rejection> {
    let reply = session.execute(within(scope, [list_below(prefix)]))?;
    let [Outcome::Keys(page)] = reply.outcomes.as_slice() else {
        panic!("{reply:?} are no keys");
    };
    Ok(page.keys.iter().map(|listed| listed.key.clone()).collect())
}

/// Every name with an operation that is called so, and whether that only reads.
fn every_operation() -> Vec<(OperationNames, Operation, bool)> {
    let key = || "k".to_owned();
    let push = |end| Operation::Push {
        key: key(),
        value: "1".to_owned(),
        end,
        max_length: None,
        expiry: Expiry::Never,
    };
    let pop = |end| Operation::Pop {
        key: key(),
        end,
        count: 1,
    };
    let remove = |matching| Operation::Remove { key: key(), matching };
    let (start, stop) = (0, -1);
    vec![
        (OperationNames::LIST, list_keys(), true),
        (OperationNames::GET, get("k"), true),
        (OperationNames::CHECK, check("k", Test::Exists), true),
        (OperationNames::SET, set("k", "1"), false),
        (OperationNames::PATCH, patch("k", "a", "1"), false),
        (OperationNames::DELETE, delete("k"), false),
        (OperationNames::EXPIRE, expire("k", Expiry::Keep), false),
        (OperationNames::PERSIST, expire("k", Expiry::Never), false),
        (OperationNames::INCR, increment("k", "1"), false),
        (OperationNames::DECR, decrement("k", "1"), false),
        (OperationNames::LPUSH, push(ListEnd::Head), false),
        (OperationNames::RPUSH, push(ListEnd::Tail), false),
        (OperationNames::LPOP, pop(ListEnd::Head), false),
        (OperationNames::RPOP, pop(ListEnd::Tail), false),
        (OperationNames::LEN, length("k"), true),
        (
            OperationNames::RANGE,
            Operation::Range {
                key: key(),
                start,
                stop,
            },
            true,
        ),
        (
            OperationNames::TRIM,
            Operation::Trim {
                key: key(),
                start,
                stop,
            },
            false,
        ),
        (OperationNames::REMOVE, remove(Filter::Equals("1".to_owned())), false),
        (
            OperationNames::PRUNE,
            remove(Filter::OlderThan {
                field: None,
                milliseconds: 1,
            }),
            false,
        ),
        (OperationNames::CLAIM, claim("k", "me", 1), false),
        (OperationNames::RENEW, renew("k", "me", None, 1), false),
        (OperationNames::RELEASE, release("k", "me", None), false),
    ]
}

fn is_forbidden(session: &mut Session, scope: Scope, operation: Operation) -> Option<Forbidden> {
    match session.execute(within(scope, [operation])) {
        Err(Rejection {
            reason: Reason::Forbidden(what),
            ..
        }) => Some(what),
        _ => None,
    }
}

#[test]
fn every_operation_goes_by_its_own_name_and_by_no_other() {
    let operations = every_operation();
    let named: OperationNames = operations.iter().map(|(name, ..)| *name).collect();
    assert_eq!(named, OperationNames::all());
    for (name, operation, _) in operations {
        let all_others = OperationNames::all().difference(name);
        let found = is_forbidden(&mut empty(), only(all_others), operation.clone());
        assert_eq!(found, Some(Forbidden::Operation(name)));
        assert_eq!(is_forbidden(&mut empty(), only(name), operation), None, "{name:?}");
    }
}

#[test]
fn who_may_only_read_may_read_and_nothing_else() {
    for (name, operation, reads) in every_operation() {
        let expected = (!reads).then_some(Forbidden::Write);
        assert_eq!(is_forbidden(&mut empty(), read_only(), operation), expected, "{name:?}");
    }
}

#[test]
fn who_may_only_read_makes_no_version_and_leaves_nothing_to_remember() {
    let mut session = holding("k", "1");
    let bump = Request {
        always_bump: true,
        ..within(read_only(), [get("k")])
    };
    let once = Request {
        once: Some(Once {
            key: "once".to_owned(),
            fingerprint: String::new(),
        }),
        ..within(read_only(), [get("k")])
    };
    for request in [bump, once] {
        let rejection = session.execute(request).unwrap_err();
        assert_eq!(rejection, whole(Reason::Forbidden(Forbidden::Write)));
    }
    assert_eq!(accept(&mut session, []).version, 1);
}

#[test]
fn a_key_must_start_with_one_of_the_prefixes() {
    let scope = || keys_below(["cursor:", "é"]);
    let mut session = empty();
    for key in ["cursor:a", "cursor:", "é", "éa"] {
        session.execute(within(scope(), [set(key, "1")])).unwrap();
    }
    for key in ["cursor", "Cursor:a", " cursor:a", "e\u{301}", "", "$cursor:"] {
        let rejection = session.execute(within(scope(), [set(key, "1")])).unwrap_err();
        assert_eq!(rejection, forbidden(0, Forbidden::Key(key.to_owned())));
    }
    assert_eq!(keys(&mut session), ["cursor:a", "cursor:", "é", "éa"]);
}

#[test]
fn every_operation_on_a_key_outside_is_refused_whether_it_exists_or_not() {
    for mut session in [empty(), holding("k", "1")] {
        for (name, operation, _) in every_operation() {
            let expected = (name != OperationNames::LIST).then(|| Forbidden::Key("k".to_owned()));
            let found = is_forbidden(&mut session, keys_below(["other"]), operation);
            assert_eq!(found, expected, "{name:?}");
        }
    }
}

#[test]
fn a_list_shows_what_is_within_and_is_refused_where_nothing_can_be() {
    let mut session = empty();
    accept(&mut session, ["b", "ab", "abc", "c", "a"].map(|key| set(key, "1")));
    let scope = || keys_below(["ab", "c"]);
    for (prefix, expected) in [
        ("", vec!["ab", "abc", "c"]),
        ("a", vec!["ab", "abc"]),
        ("ab", vec!["ab", "abc"]),
        ("abc", vec!["abc"]),
        ("cc", vec![]),
    ] {
        assert_eq!(names(&mut session, scope(), prefix).unwrap(), expected, "{prefix:?}");
    }
    for prefix in ["b", "ac", "$"] {
        let rejection = names(&mut session, scope(), prefix).unwrap_err();
        assert_eq!(rejection, forbidden(0, Forbidden::Key(prefix.to_owned())));
    }
    let rejection = names(&mut session, keys_below([]), "").unwrap_err();
    assert_eq!(rejection, forbidden(0, Forbidden::Key(String::new())));
}

#[test]
fn pages_are_filled_with_what_is_within() {
    let mut session = empty();
    accept(&mut session, ["a1", "b1", "a2", "b2", "a3"].map(|key| set(key, "1")));
    let mut cursor = None;
    let mut pages = Vec::new();
    loop {
        let page = Operation::ListKeys {
            prefix: String::new(),
            limit: Some(2),
            cursor,
            values: false,
        };
        let mut reply = session.execute(within(keys_below(["a"]), [page])).unwrap();
        let Outcome::Keys(Page { keys, next }) = reply.outcomes.remove(0) else {
            panic!("no keys");
        };
        pages.push(keys.into_iter().map(|listed| listed.key).collect::<Vec<_>>());
        cursor = next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(pages, [vec!["a1", "a2"], vec!["a3"]]);
}

#[test]
fn a_batch_that_mixes_is_refused_whole_and_names_the_first_that_is_outside() {
    let mut session = holding("a", "1");
    for (scope, what) in [
        (read_only(), Forbidden::Write),
        (
            only(OperationNames::GET | OperationNames::INCR),
            Forbidden::Operation(OperationNames::SET),
        ),
        (keys_below(["a"]), Forbidden::Key("b".to_owned())),
    ] {
        let operations = [get("a"), set("b", "2"), delete("c")];
        let rejection = session.execute(within(scope, operations)).unwrap_err();
        assert_eq!(rejection, forbidden(1, what));
    }
    assert_eq!(keys(&mut session), ["a"]);
}

#[test]
fn a_scope_comes_before_everything_else() {
    let mut session = holding("a", "1");
    let once = || Once {
        key: String::new(),
        fingerprint: String::new(),
    };
    for operation in [
        set("k", "{"),
        set("$k", "1"),
        set_if("a", "1", Condition::IfAbsent),
        increment("k", "x"),
    ] {
        let request = Request {
            if_version: Some(7),
            once: Some(once()),
            ..within(read_only(), [get("$"), operation])
        };
        assert_eq!(session.execute(request).unwrap_err(), forbidden(1, Forbidden::Write));
    }
}

#[test]
fn of_one_operation_writing_comes_first_then_its_name_then_its_key() {
    let nothing = || Scope {
        may_write: false,
        key_prefixes: Some(Vec::new()),
        operations: OperationNames::empty(),
    };
    assert_eq!(
        is_forbidden(&mut empty(), nothing(), set("k", "1")),
        Some(Forbidden::Write)
    );
    assert_eq!(
        is_forbidden(&mut empty(), nothing(), get("k")),
        Some(Forbidden::Operation(OperationNames::GET))
    );
}

#[test]
fn a_patch_that_tests_needs_what_a_check_needs() {
    let mut session = holding("k", r#"{"a":1}"#);
    let test = Step::Test {
        at: pointer("/a"),
        value: "2".to_owned(),
    };
    let scope = || only(OperationNames::PATCH);
    assert_eq!(
        is_forbidden(&mut session, scope(), edit("k", [test.clone()])),
        Some(Forbidden::Operation(OperationNames::CHECK))
    );
    let scope = only(OperationNames::PATCH | OperationNames::CHECK);
    let rejection = session.execute(within(scope, [edit("k", [test])])).unwrap_err();
    assert!(matches!(rejection.reason, Reason::CheckFailed { .. }));
}

#[test]
fn a_reply_is_not_given_again_to_who_may_not_ask_for_it() {
    let mut session = empty();
    let asked = |scope| Request {
        once: Some(Once {
            key: "once".to_owned(),
            fingerprint: "same".to_owned(),
        }),
        scope,
        ..request([increment("n", "1")], None)
    };
    session.execute(asked(None)).unwrap();
    for scope in [read_only(), only(OperationNames::SET), keys_below(["m"])] {
        let rejection = session.execute(asked(Some(scope))).unwrap_err();
        assert!(matches!(rejection.reason, Reason::Forbidden(_)));
    }
    for scope in [everything(), only(OperationNames::INCR), keys_below(["n"])] {
        let reply = session.execute(asked(Some(scope))).unwrap();
        assert!(reply.is_replay);
    }
}

#[test]
fn a_list_that_is_given_again_shows_what_is_within_only() {
    let mut session = empty();
    accept(&mut session, ["a", "b"].map(|key| set(key, "1")));
    let asked = |scope| Request {
        once: Some(Once {
            key: "once".to_owned(),
            fingerprint: "same".to_owned(),
        }),
        scope,
        ..request([list_below("")], None)
    };
    session.execute(asked(None)).unwrap();
    let reply = session.execute(asked(Some(keys_below(["b"])))).unwrap();
    assert!(reply.is_replay);
    let [Outcome::Keys(page)] = reply.outcomes.as_slice() else {
        panic!("{reply:?} are no keys");
    };
    assert!(page.keys.iter().map(|listed| listed.key.as_str()).eq(["b"]));
}
