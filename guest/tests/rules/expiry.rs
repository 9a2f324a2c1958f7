//! Keys that live until a time.

use automation_kv_engine::document::Document;
use automation_kv_engine::model::{Condition, Expiry, Outcome, Reason, Stored, Test};

use crate::support::*;

/// A session in which `a` is 1 until ten milliseconds from its time.
fn short_lived() -> automation_kv_engine::Session {
    let mut session = empty();
    accept(&mut session, [set_until("a", "1", Expiry::After(10)), set("b", "2")]);
    session
}

#[test]
fn a_key_lives_until_the_millisecond_before_its_time() {
    let mut session = at_time(&short_lived(), NOW + 9);
    assert_eq!(entry(&mut session, "a").attributes.expires_at, Some(NOW + 10));
    let mut session = at_time(&short_lived(), NOW + 10);
    assert_eq!(refuse(&mut session, [get("a")]).reason, Reason::KeyNotFound);
}

#[test]
fn expired_key_is_invisible_to_every_operation() {
    let expired = || at_time(&short_lived(), NOW + 10);
    assert_eq!(keys(&mut expired()), ["b"]);
    accept(&mut expired(), [check("a", Test::Absent)]);
    for operation in [get("a"), length("a"), patch("a", "x", "1"), expire("a", Expiry::Never)] {
        assert_eq!(refuse(&mut expired(), [operation]).reason, Reason::KeyNotFound);
    }
    assert_eq!(outcome(&mut expired(), delete("a")), Outcome::Removed(0));
    assert_eq!(
        outcome(&mut expired(), increment("a", "5")),
        Outcome::Number("5".to_owned())
    );
    assert_eq!(outcome(&mut expired(), push("a", "5")), Outcome::Length(1));
    assert_eq!(accept(&mut expired(), [get("b")]).size_bytes, 7);
}

#[test]
fn expired_key_is_invisible_to_nx_and_xx() {
    let mut session = at_time(&short_lived(), NOW + 10);
    assert_eq!(
        refuse(&mut session, [set_if("a", "2", Condition::IfPresent)]).reason,
        Reason::KeyAbsent
    );
    accept(&mut session, [set_if("a", "2", Condition::IfAbsent)]);
    assert_eq!(keys(&mut session), ["b", "a"]);
    assert_eq!(entry(&mut session, "a").attributes.expires_at, None);
}

#[test]
fn a_session_that_found_expired_keys_saves_although_nothing_else_changed() {
    let mut session = at_time(&short_lived(), NOW + 10);
    let reply = accept(&mut session, [get("b")]);
    assert!(reply.has_expired);
    assert_eq!(reply.version, 1);
    let saved = session.changed().expect("the key is gone");
    assert_eq!((saved.version, saved.updated_at), (1, NOW));
    // A clock that is set back does not bring it back to life.
    let mut earlier = at_time(&session, NOW);
    assert_eq!(keys(&mut earlier), ["b"]);
    assert!(!accept(&mut earlier, [get("b")]).has_expired);
    assert!(earlier.changed().is_none());
}

#[test]
fn an_expired_key_stays_gone_after_a_rollback() {
    let mut session = at_time(&short_lived(), NOW + 10);
    let start = session.savepoint();
    accept(&mut session, [set("a", "1")]);
    session.rollback(start);
    assert_eq!(keys(&mut session), ["b"]);
    assert!(session.changed().is_some());
}

#[test]
fn a_time_that_has_come_already_removes_the_key_in_the_same_operation() {
    for expiry in [Expiry::At(0), Expiry::At(NOW), Expiry::After(0)] {
        let mut session = holding("a", "1");
        let reply = accept(&mut session, [set_until("a", "2", expiry), check("a", Test::Absent)]);
        assert_eq!(reply.version, 2);
        assert!(!reply.has_expired);
        let at = if expiry == Expiry::At(0) { 0 } else { NOW };
        let stored = Stored {
            created: false,
            value: "2".to_owned(),
            updated_at: NOW,
            expires_at: Some(at),
        };
        assert_eq!(reply.outcomes[0], Outcome::Stored(stored));
        assert!(keys(&mut session).is_empty());
    }
}

#[test]
fn a_new_key_whose_time_has_come_is_a_write_and_nothing_else() {
    let mut session = holding("b", "1");
    let reply = accept(&mut session, [set_until("a", "\"long\"", Expiry::At(1))]);
    assert_eq!((reply.version, reply.size_bytes), (2, 7));
    assert_eq!(keys(&mut session), ["b"]);
}

#[test]
fn an_expire_to_a_time_that_has_come_removes_the_key() {
    let mut session = holding("a", "1");
    assert_eq!(
        outcome(&mut session, expire("a", Expiry::At(5))),
        Outcome::Expires(Some(5))
    );
    assert!(keys(&mut session).is_empty());
    assert_eq!(accept(&mut session, [list_keys()]).version, 2);
}

#[test]
fn an_expire_that_changes_the_time_is_a_write_and_one_that_does_not_is_none() {
    let mut session = holding("a", "1");
    assert_eq!(accept(&mut session, [expire("a", Expiry::Never)]).version, 1);
    assert_eq!(accept(&mut session, [expire("a", Expiry::After(5))]).version, 2);
    assert_eq!(entry(&mut session, "a").attributes.key_version, 2);
    assert_eq!(accept(&mut session, [expire("a", Expiry::At(NOW + 5))]).version, 2);
    assert_eq!(accept(&mut session, [expire("a", Expiry::Keep)]).version, 2);
    assert_eq!(
        outcome(&mut session, expire("a", Expiry::Never)),
        Outcome::Expires(None)
    );
    assert_eq!(entry(&mut session, "a").attributes.expires_at, None);
}

#[test]
fn a_write_keeps_the_time_unless_it_says_otherwise() {
    let mut session = empty();
    accept(&mut session, [set_until("a", "1", Expiry::After(5))]);
    for operation in [
        set("a", "2"),
        increment("a", "1"),
        set_until("a", "{}", Expiry::Keep),
        patch("a", "x", "1"),
    ] {
        accept(&mut session, [operation]);
        assert_eq!(entry(&mut session, "a").attributes.expires_at, Some(NOW + 5));
    }
    accept(&mut session, [set_until("a", "1", Expiry::Never)]);
    assert_eq!(entry(&mut session, "a").attributes.expires_at, None);
}

#[test]
fn a_key_that_is_made_again_has_no_time() {
    let mut session = empty();
    accept(&mut session, [set_until("a", "1", Expiry::After(5))]);
    accept(&mut session, [delete("a"), set("a", "2")]);
    assert_eq!(entry(&mut session, "a").attributes.expires_at, None);
}

#[test]
fn times_after_the_year_9999_are_refused() {
    const LAST: u64 = 253_402_300_799_999;
    accept(&mut empty(), [set_until("a", "1", Expiry::At(LAST))]);
    accept(&mut empty(), [set_until("a", "1", Expiry::After(LAST - NOW))]);
    for expiry in [
        Expiry::At(LAST + 1),
        Expiry::At(u64::MAX),
        Expiry::After(LAST - NOW + 1),
        Expiry::After(u64::MAX),
    ] {
        for operation in [set_until("a", "1", expiry), expire("a", expiry)] {
            let reason = refuse(&mut empty(), [operation]).reason;
            assert!(
                matches!(reason, Reason::InvalidArgument { name: "expiry", .. }),
                "{expiry:?}"
            );
        }
    }
}

#[test]
fn the_first_of_all_times_is_told_to_the_storage() {
    let mut session = empty();
    assert_eq!(Document::default().first_expiry(), None);
    accept(&mut session, [set("a", "1"), set_until("b", "1", Expiry::After(9))]);
    accept(&mut session, [set_until("c", "1", Expiry::After(7))]);
    let document = session.changed().unwrap();
    assert_eq!(document.first_expiry(), Some(NOW + 7));
    let read = Document::decode(document.encode(), 0).unwrap();
    assert_eq!(read.first_expiry(), Some(NOW + 7));
}
