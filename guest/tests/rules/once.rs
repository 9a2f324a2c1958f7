//! Requests that are carried out only once.

use automation_kv_engine::Session;
use automation_kv_engine::document::Document;
use automation_kv_engine::model::{Once, Operation, Outcome, Reason, Rejection, Reply, Request, Step};

use crate::support::*;

const DAY: u64 = 86_400_000;

fn once<const N: usize>(key: &str, fingerprint: &str, operations: [Operation; N]) -> Request {
    Request {
        once: Some(Once {
            key: key.to_owned(),
            fingerprint: fingerprint.to_owned(),
        }),
        ..request(operations, None)
    }
}

/// Asks twice, in one session and in the next: both answers must be the first one.
fn assert_replays<const N: usize>(session: &mut Session, operations: [Operation; N]) -> Reply {
    let asked = once("once", "same", operations);
    let first = session.execute(asked.clone()).unwrap();
    let expected = Reply {
        is_replay: true,
        ..first.clone()
    };
    assert!(!first.is_replay);
    assert_eq!(session.execute(asked.clone()).unwrap(), expected);
    let mut next = at_time(session, NOW + DAY - 1);
    assert_eq!(next.execute(asked).unwrap(), expected);
    first
}

#[test]
fn a_retry_gets_the_first_answer_and_writes_nothing() {
    let mut session = holding("a", "1");
    assert_replays(&mut session, [increment("a", "1"), increment("a", "1")]);
    assert_eq!(value(&mut session, "a"), "3");
    assert_eq!(accept(&mut session, [get("a")]).version, 2);
}

#[test]
fn every_outcome_is_replayed_as_it_was() {
    let mut session = holding("list", "[1,2,3,4]");
    accept(&mut session, [set("object", r#"{"n":1,"l":[]}"#)]);
    let steps = [
        Step::Set {
            at: path("x"),
            value: " [ 1 ] ".to_owned(),
        },
        Step::Remove {
            at: path("x"),
            must_exist: true,
        },
        Step::Append {
            at: path("l"),
            value: "1".to_owned(),
        },
        Step::Increment {
            at: path("n"),
            by: "1".to_owned(),
        },
        Step::Merge {
            at: path("m"),
            value: "{}".to_owned(),
        },
    ];
    let range = Operation::Range {
        key: "list".to_owned(),
        start: 0,
        stop: -1,
    };
    let listing = Operation::ListKeys {
        prefix: String::new(),
        limit: Some(1),
        cursor: None,
        values: true,
    };
    let operations = [
        set("new", " \"\\u0041\" "),
        edit("object", steps),
        push("list", "5"),
        pop("list"),
        range,
        length("list"),
        listing,
        get("object"),
        claim("lock", "me", 1_000 * DAY),
        expire("new", automation_kv_engine::model::Expiry::After(0)),
        check("new", automation_kv_engine::model::Test::Absent),
        delete("missing"),
        increment("counter", "123456789012345678901234567890"),
    ];
    let reply = assert_replays(&mut session, operations);
    assert!(matches!(&reply.outcomes[0], Outcome::Stored(stored) if stored.value == "\"A\""));
}

#[test]
fn a_request_that_changed_nothing_is_remembered_too() {
    let mut session = empty();
    let reply = assert_replays(&mut session, [delete("a")]);
    assert_eq!(reply.version, 0);
    let saved = session.changed().expect("something to remember");
    assert_eq!((saved.version, saved.updated_at), (0, 0));
    accept(&mut session, [set("a", "1")]);
    let again = session.execute(once("once", "same", [delete("a")])).unwrap();
    assert_eq!(again.outcomes, [Outcome::Removed(0)]);
    assert_eq!(value(&mut session, "a"), "1");
}

#[test]
fn the_version_that_a_retry_asks_for_does_not_matter() {
    let mut session = empty();
    let asked = Request {
        if_version: Some(0),
        ..once("once", "same", [set("a", "1")])
    };
    assert_eq!(session.execute(asked.clone()).unwrap().version, 1);
    let again = session.execute(asked).unwrap();
    assert!(again.is_replay);
    assert_eq!(again.version, 1);
}

#[test]
fn the_same_name_with_another_request_is_refused() {
    let mut session = empty();
    session.execute(once("once", "one", [set("a", "1")])).unwrap();
    let rejection = session.execute(once("once", "other", [set("a", "2")])).unwrap_err();
    let expected = Rejection {
        operation: None,
        reason: Reason::OnceMismatch,
    };
    assert_eq!(rejection, expected);
    // Whoever gives the same fingerprint to requests of other shapes gets no nonsense.
    let rejection = session
        .execute(once("once", "one", [get("a"), list_keys()]))
        .unwrap_err();
    assert_eq!(rejection, expected);
}

#[test]
fn a_refused_request_is_not_remembered() {
    let mut session = empty();
    let asked = once("once", "same", [increment("a", "1"), get("missing")]);
    session.execute(asked.clone()).unwrap_err();
    assert!(session.changed().is_none());
    accept(&mut session, [set("missing", "1")]);
    assert!(!session.execute(asked).unwrap().is_replay);
}

#[test]
fn arguments_come_first_and_what_a_retry_finds_does_not_matter() {
    let mut session = empty();
    session.execute(once("once", "same", [set("a", "1")])).unwrap();
    let reason = session
        .execute(once("once", "same", [set("$a", "1")]))
        .unwrap_err()
        .reason;
    assert!(matches!(reason, Reason::InvalidKey(_)));
}

#[test]
fn a_day_later_it_is_forgotten() {
    let mut session = empty();
    let asked = once("once", "same", [increment("a", "1")]);
    session.execute(asked.clone()).unwrap();
    let mut session = at_time(&session, NOW + DAY);
    assert!(!session.execute(asked).unwrap().is_replay);
    assert_eq!(value(&mut session, "a"), "2");
}

#[test]
fn forgetting_alone_saves_nothing() {
    let mut session = empty();
    session.execute(once("once", "same", [increment("a", "1")])).unwrap();
    let mut session = at_time(&session, NOW + DAY);
    accept(&mut session, [get("a")]);
    assert!(session.changed().is_none());
}

#[test]
fn a_clock_that_was_set_back_forgets_a_day_after_the_next_write() {
    let mut session = empty();
    let asked = once("once", "same", [increment("a", "1")]);
    session.execute(asked.clone()).unwrap();
    let earlier = NOW - 1_000 * DAY;
    let mut session = at_time(&session, earlier);
    assert!(session.execute(asked.clone()).unwrap().is_replay);
    accept(&mut session, [set("b", "1")]);
    let mut next = at_time(&session, earlier + DAY - 1);
    assert!(next.execute(asked.clone()).unwrap().is_replay);
    let mut next = at_time(&session, earlier + DAY);
    assert!(!next.execute(asked).unwrap().is_replay);
}

#[test]
fn the_latest_128_are_remembered() {
    let mut session = empty();
    let asked = |n: u32| once(&format!("once-{n}"), "same", [increment("a", "1")]);
    for n in 0..129 {
        session.execute(asked(n)).unwrap();
    }
    let mut session = at_time(&session, NOW);
    for n in 1..129 {
        assert!(session.execute(asked(n)).unwrap().is_replay, "{n}");
    }
    assert!(!session.execute(asked(0)).unwrap().is_replay);
}

#[test]
fn replies_beside_the_latest_one_have_64_kib() {
    let large = |bytes: usize| format!("\"{}\"", "x".repeat(bytes));
    let mut session = holding("a", &large(40_000));
    let asked = |n: u32| once(&format!("once-{n}"), "same", [get("a")]);
    for n in 0..3 {
        session.execute(asked(n)).unwrap();
    }
    for (n, is_replay) in [(2, true), (1, true)] {
        assert_eq!(session.execute(asked(n)).unwrap().is_replay, is_replay, "{n}");
    }
    accept(&mut session, [set("a", &large(1_000_000))]);
    session.execute(asked(7)).unwrap();
    assert!(session.execute(asked(7)).unwrap().is_replay);
    assert!(session.execute(asked(2)).unwrap().is_replay);
    assert!(!session.execute(asked(1)).unwrap().is_replay);
}

#[test]
fn values_that_the_request_has_are_not_kept_twice() {
    let large = format!("\"{}\"", "x".repeat(50_000));
    let mut session = empty();
    let step = Step::Set {
        at: path("x"),
        value: large.clone(),
    };
    let asked = once("once", "same", [set("a", "{}"), edit("a", [step])]);
    session.execute(asked.clone()).unwrap();
    let bytes = session.changed().unwrap().encode();
    assert!(bytes.len() < 50_200);
    assert!(session.execute(asked).unwrap().is_replay);
}

#[test]
fn the_size_of_the_document_does_not_count_it() {
    let mut session = limited(7);
    let reply = session
        .execute(once("a-long-name-for-it", "same", [set("a", "1")]))
        .unwrap();
    assert_eq!((reply.size_bytes, reply.limit_bytes), (7, 7));
}

#[test]
fn a_rollback_takes_it_back() {
    let mut session = empty();
    for n in 0..128 {
        session
            .execute(once(&format!("old-{n}"), "same", [increment("a", "1")]))
            .unwrap();
    }
    let bytes = session.changed().map(Document::encode);
    let start = session.savepoint();
    session.execute(once("new", "same", [delete("x")])).unwrap();
    session.rollback(start);
    assert_eq!(session.changed().map(Document::encode), bytes);
    assert!(!session.execute(once("new", "same", [delete("x")])).unwrap().is_replay);
}

#[test]
fn names_and_fingerprints_have_limits() {
    for (key, fingerprint, fits) in [
        (&*"k".repeat(255), &*"f".repeat(64), true),
        ("é", "", true),
        ("", "f", false),
        (&*"k".repeat(256), "f", false),
        (&*"é".repeat(128), "f", false),
        ("k", &*"f".repeat(65), false),
    ] {
        let answer = empty().execute(once(key, fingerprint, [set("a", "1")]));
        match answer {
            Ok(_) => assert!(fits),
            Err(Rejection { operation, reason }) => {
                assert!(!fits);
                assert_eq!(operation, None);
                assert!(matches!(reason, Reason::InvalidArgument { name: "once", .. }));
            }
        }
    }
}
