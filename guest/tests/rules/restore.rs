//! Going back to an earlier state.

use automation_kv_engine::Session;
use automation_kv_engine::document::Document;
use automation_kv_engine::model::{Expiry, Once, Outcome, Request};

use crate::support::*;

/// What a session that wrote leaves.
fn left(session: &Session) -> Document {
    Document::decode(session.changed().expect("a write").encode(), 0).unwrap()
}

#[test]
fn keys_values_and_order_are_those_of_before_as_one_new_version() {
    let mut session = empty();
    accept(&mut session, [set("a", "1"), set("b", "[1]"), set("c", "true")]);
    let earlier = left(&session);
    accept(&mut session, [delete("a"), set("d", "4")]);
    accept(&mut session, [set("b", "[2]"), set("a", "9")]);
    let reply = session.restore(earlier);
    assert_eq!((reply.version, reply.size_bytes), (4, 24));
    assert_eq!(reply.outcomes, []);
    assert_eq!(keys(&mut session), ["a", "b", "c"]);
    assert_eq!(value(&mut session, "a"), "1");
    assert_eq!(value(&mut session, "b"), "[1]");
    let mut next = reopened(&session, 0);
    assert_eq!(keys(&mut next), ["a", "b", "c"]);
    assert_eq!(accept(&mut next, [set("d", "5")]).version, 5);
}

#[test]
fn what_was_written_since_has_the_new_version_and_what_was_not_keeps_its_own() {
    let mut session = empty();
    accept(
        &mut session,
        [set("same", "1"), set("changed", "1"), set("deleted", "1")],
    );
    accept(&mut session, [set("remade", "1")]);
    let earlier = left(&session);
    accept(
        &mut session,
        [
            set("changed", "2"),
            delete("deleted"),
            delete("remade"),
            set("remade", "1"),
        ],
    );
    let mut session = at_time(&session, NOW + 10);
    session.restore(earlier);
    let attributes = |session: &mut Session, key: &str| entry(session, key).attributes;
    assert_eq!(attributes(&mut session, "same").key_version, 1);
    assert_eq!(attributes(&mut session, "same").updated_at, NOW);
    for key in ["changed", "deleted", "remade"] {
        let attributes = attributes(&mut session, key);
        assert_eq!((attributes.key_version, attributes.updated_at), (4, NOW + 10), "{key}");
        assert_eq!(attributes.created_at, NOW, "{key}");
    }
}

#[test]
fn a_key_whose_time_has_come_since_stays_away() {
    let mut session = empty();
    accept(
        &mut session,
        [
            set_until("short", "1", Expiry::After(5)),
            set_until("long", "1", Expiry::After(500)),
        ],
    );
    let earlier = left(&session);
    accept(&mut session, [set_until("long", "2", Expiry::Never)]);
    let mut session = at_time(&session, NOW + 10);
    session.restore(earlier);
    assert_eq!(keys(&mut session), ["long"]);
    let expires_at = entry(&mut session, "long").attributes.expires_at;
    assert_eq!(expires_at, Some(NOW + 500));
}

#[test]
fn nothing_is_a_state_to_go_back_to_and_versions_go_on() {
    let mut session = holding("a", "1");
    assert_eq!(session.restore(Document::default()).version, 2);
    assert!(keys(&mut session).is_empty());
    let mut next = reopened(&session, 0);
    assert_eq!(accept(&mut next, [set("a", "1")]).version, 3);
    assert_eq!(entry(&mut next, "a").attributes.key_version, 3);
}

#[test]
fn going_back_to_what_is_there_is_a_new_version_too() {
    let mut session = holding("a", "1");
    let earlier = left(&session);
    assert_eq!(session.restore(earlier).version, 2);
    assert_eq!(entry(&mut session, "a").attributes.key_version, 1);
}

#[test]
fn a_request_that_is_undone_is_carried_out_again_and_one_that_is_not_is_replayed() {
    let once = |name: &str| Request {
        once: Some(Once {
            key: name.to_owned(),
            fingerprint: "same".to_owned(),
        }),
        ..request([increment("n", "1")], None)
    };
    let mut session = empty();
    session.execute(once("good")).unwrap();
    let earlier = left(&session);
    session.execute(once("bad")).unwrap();
    session.restore(earlier);
    let good = session.execute(once("good")).unwrap();
    assert!(good.is_replay);
    let bad = session.execute(once("bad")).unwrap();
    assert!(!bad.is_replay);
    assert_eq!(bad.outcomes, [Outcome::Number("2".to_owned())]);
}

#[test]
fn what_is_larger_than_the_limit_now_comes_back() {
    let large = holding("a", "[1,2,3]");
    let mut session = limited(12);
    accept(&mut session, [set("b", "1")]);
    assert_eq!(session.restore(left(&large)).size_bytes, 13);
    // From there it may only get smaller.
    assert!(session.execute(request([set("c", "1")], None)).is_err());
    accept(&mut session, [set("a", "[1,2]")]);
}

#[test]
fn a_cursor_goes_on_behind_the_same_key() {
    use automation_kv_engine::model::Operation;
    let page = |cursor: Option<String>| Operation::ListKeys {
        prefix: String::new(),
        limit: Some(2),
        cursor,
        values: false,
    };
    let mut session = empty();
    accept(&mut session, [set("a", "1"), set("b", "1"), set("c", "1")]);
    let earlier = left(&session);
    let Outcome::Keys(first) = outcome(&mut session, page(None)) else {
        panic!("no keys")
    };
    accept(&mut session, [delete("a"), set("d", "1")]);
    session.restore(earlier);
    accept(&mut session, [set("e", "1")]);
    let Outcome::Keys(second) = outcome(&mut session, page(first.next)) else {
        panic!("no keys")
    };
    let second: Vec<String> = second.keys.into_iter().map(|listed| listed.key).collect();
    assert_eq!(second, ["c", "e"]);
}

#[test]
fn a_rollback_takes_it_back() {
    let mut session = holding("a", "1");
    let before = left(&session).encode();
    let start = session.savepoint();
    session.restore(Document::default());
    accept(&mut session, [set("b", "1")]);
    session.rollback(start);
    assert_eq!(left(&session).encode(), before);
}
