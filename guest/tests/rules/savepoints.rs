//! Going back within a session.

use crate::support::*;

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
