//! A request happens whole or not at all, and what that does to versions and places.

use crate::support::*;
use automation_kv_engine::model::Request;

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
