//! Requests that happen together.

use automation_kv_engine::model::{Once, OperationNames, Outcome, Reason, Scope, Terms};

use crate::support::*;

const DAY: u64 = 86_400_000;

fn terms() -> Terms {
    Terms {
        if_version: None,
        always_bump: false,
        once: None,
        scope: None,
    }
}

fn once() -> Terms {
    Terms {
        once: Some(Once {
            key: "once".to_owned(),
            fingerprint: "same".to_owned(),
        }),
        ..terms()
    }
}

fn read_only() -> Scope {
    Scope {
        may_write: false,
        key_prefixes: None,
        operations: OperationNames::all(),
    }
}

#[test]
fn all_of_it_is_one_version() {
    let mut session = holding("a", "1");
    assert_eq!(session.begin(terms()), Ok(None));
    assert_eq!(accept(&mut session, [set("b", "1")]).version, 1);
    assert_eq!(accept(&mut session, [increment("b", "1"), set("c", "2")]).version, 1);
    assert_eq!(entry(&mut session, "b").attributes.key_version, 2);
    let reply = session.finish(String::new());
    assert_eq!((reply.version, reply.outcomes.len()), (2, 0));
    assert_eq!(entry(&mut session, "b").attributes.key_version, 2);
    assert_eq!(accept(&mut session, [set("d", "1")]).version, 3);
}

#[test]
fn without_a_change_there_is_no_version_unless_one_is_asked_for() {
    let mut session = holding("a", "1");
    session.begin(terms()).unwrap();
    accept(&mut session, [get("a")]);
    assert_eq!(session.finish(String::new()).version, 1);
    let bumping = Terms {
        always_bump: true,
        ..terms()
    };
    session.begin(bumping).unwrap();
    assert_eq!(session.finish(String::new()).version, 2);
}

#[test]
fn abandoned_it_leaves_nothing() {
    let mut session = reopened(&holding("a", "1"), 0);
    session.begin(terms()).unwrap();
    accept(&mut session, [set("a", "2"), set("b", "1")]);
    accept(&mut session, [delete("a")]);
    session.abandon();
    assert_eq!(keys(&mut session), ["a"]);
    assert_eq!(value(&mut session, "a"), "1");
    assert!(session.changed().is_none());
    assert_eq!(session.finish(String::new()).version, 1);
}

#[test]
fn a_refused_part_leaves_the_others() {
    let mut session = empty();
    session.begin(terms()).unwrap();
    accept(&mut session, [set("a", "1")]);
    refuse(&mut session, [set("b", "1"), get("none")]);
    assert_eq!(keys(&mut session), ["a"]);
    assert_eq!(session.finish(String::new()).version, 1);
}

#[test]
fn each_part_is_held_to_the_limits() {
    let mut session = limited(20);
    session.begin(terms()).unwrap();
    let rejection = refuse(&mut session, [set("a", r#""too long for this document""#)]);
    assert!(matches!(rejection.reason, Reason::TooLarge { current_bytes: 2, .. }));
    accept(&mut session, [set("a", "1")]);
    assert_eq!(session.finish(String::new()).version, 1);
}

#[test]
fn a_lease_that_is_claimed_in_it_has_the_version_that_comes_out() {
    let mut session = holding("a", "1");
    session.begin(terms()).unwrap();
    accept(&mut session, [set("b", "1")]);
    let Outcome::Claimed(lease) = outcome(&mut session, claim("lease", "me", 1000)) else {
        panic!("no lease");
    };
    assert_eq!(session.finish(String::new()).version, lease.fence);
}

#[test]
fn its_terms_come_first() {
    let mut session = holding("a", "1");
    let stale = Terms {
        if_version: Some(7),
        ..terms()
    };
    let rejection = session.begin(stale).unwrap_err();
    assert_eq!(rejection.reason, Reason::VersionMismatch { expected: 7, actual: 1 });
    for terms in [
        Terms {
            always_bump: true,
            ..terms()
        },
        once(),
    ] {
        let terms = Terms {
            scope: Some(read_only()),
            ..terms
        };
        assert!(matches!(session.begin(terms).unwrap_err().reason, Reason::Forbidden(_)));
    }
    // None of them has begun, so this is a request of its own.
    assert_eq!(accept(&mut session, [set("a", "2")]).version, 2);
}

#[test]
fn what_its_requests_say_for_themselves_does_not_count() {
    let mut session = holding("a", "1");
    session.begin(terms()).unwrap();
    let mut own = request([get("a")], Some(9));
    own.always_bump = true;
    own.once = once().once;
    assert!(!session.execute(own.clone()).unwrap().is_replay);
    assert!(!session.execute(own).unwrap().is_replay);
    assert_eq!(session.finish(String::new()).version, 1);
    assert!(session.begin(once()).unwrap().is_none());
}

#[test]
fn a_retry_gets_the_first_answer_and_writes_nothing() {
    let mut session = holding("a", "1");
    assert_eq!(session.begin(once()), Ok(None));
    accept(&mut session, [increment("a", "1")]);
    let first = session.finish("an answer".to_owned());
    accept(&mut session, [increment("a", "1")]);
    let mut next = at_time(&session, NOW + DAY - 1);
    for session in [&mut session, &mut next] {
        let remembered = session.begin(once()).unwrap().expect("an answer");
        assert_eq!(remembered.answer, "an answer");
        assert_eq!(
            (remembered.reply.version, remembered.reply.is_replay),
            (first.version, true)
        );
        // It has not begun.
        assert_eq!(accept(session, [set("b", "1")]).version, 4);
    }
    let other = Terms {
        once: Some(Once {
            key: "once".to_owned(),
            fingerprint: "other".to_owned(),
        }),
        ..terms()
    };
    assert_eq!(session.begin(other).unwrap_err().reason, Reason::OnceMismatch);
}

#[test]
fn a_rollback_to_before_it_ends_it() {
    let mut session = holding("a", "1");
    let before = session.savepoint();
    session.begin(terms()).unwrap();
    accept(&mut session, [set("b", "1")]);
    let within = session.savepoint();
    accept(&mut session, [set("c", "1")]);
    session.rollback(within);
    assert_eq!(keys(&mut session), ["a", "b"]);
    assert_eq!(accept(&mut session, [set("d", "1")]).version, 1);
    session.rollback(before);
    assert_eq!(accept(&mut session, [set("e", "1")]).version, 2);
    assert_eq!(keys(&mut session), ["a", "e"]);
}

#[test]
fn beginning_anew_abandons_what_has_not_ended() {
    let mut session = holding("a", "1");
    session.begin(terms()).unwrap();
    accept(&mut session, [set("b", "1")]);
    session.begin(terms()).unwrap();
    accept(&mut session, [set("c", "1")]);
    assert_eq!(session.finish(String::new()).version, 2);
    assert_eq!(keys(&mut session), ["a", "c"]);
}
