//! Leases: one owner at a time, until a time.

use automation_kv_engine::Session;
use automation_kv_engine::document::Document;
use automation_kv_engine::model::{Expiry, Lease, Outcome, Reason};

use crate::support::*;

fn lease(owner: &str, fence: u64, expires_at: u64) -> Lease {
    Lease {
        owner: owner.to_owned(),
        fence,
        expires_at,
    }
}

#[test]
fn a_free_lease_is_given_with_the_version_as_its_number() {
    let mut session = holding("a", "1");
    let reply = accept(&mut session, [claim("lock", "me", 10)]);
    assert_eq!(reply.version, 2);
    assert_eq!(reply.outcomes, [Outcome::Claimed(lease("me", 2, NOW + 10))]);
    assert_eq!(value(&mut session, "lock"), r#"{"owner":"me","fence":2}"#);
}

#[test]
fn another_owner_is_told_who_holds_it() {
    let mut session = empty();
    accept(&mut session, [claim("lock", "m\"é", 10)]);
    let rejection = refuse(&mut session, [claim("lock", "you", 10)]);
    assert_eq!(rejection, at(0, Reason::Held(lease("m\"é", 1, NOW + 10))));
}

#[test]
fn a_claim_that_goes_on_keeps_its_number_and_gets_the_new_time() {
    let mut session = empty();
    accept(&mut session, [claim("lock", "me", 10)]);
    for milliseconds in [20, 5] {
        let renewed = outcome(&mut session, claim("lock", "me", milliseconds));
        assert_eq!(renewed, Outcome::Claimed(lease("me", 1, NOW + milliseconds)));
    }
}

#[test]
fn a_later_holder_has_a_higher_number_after_expiry_or_release() {
    let mut session = empty();
    accept(&mut session, [claim("lock", "me", 10)]);
    let mut session = at_time(&session, NOW + 10);
    assert_eq!(
        outcome(&mut session, claim("lock", "you", 10)),
        Outcome::Claimed(lease("you", 2, NOW + 20))
    );
    accept(&mut session, [delete("lock")]);
    assert_eq!(
        outcome(&mut session, claim("lock", "me", 10)),
        Outcome::Claimed(lease("me", 4, NOW + 20))
    );
}

#[test]
fn sixteen_racers_never_hold_one_number_and_numbers_only_rise() {
    let mut session = empty();
    let mut held: Vec<(u64, String)> = Vec::new();
    let mut now = NOW;
    for round in 0..200_u64 {
        for racer in 0..16_u64 {
            // A few try in each round, so holders sometimes renew in time and sometimes do not.
            if (racer * 7 + round * 13) % 16 >= 3 {
                continue;
            }
            let owner = format!("racer-{racer}");
            if let Ok(reply) = session.execute(request([claim("lock", &owner, 3 + round % 5)], None)) {
                let Outcome::Claimed(lease) = &reply.outcomes[0] else {
                    panic!("{reply:?}");
                };
                assert_eq!(lease.owner, owner);
                assert!(
                    held.iter()
                        .all(|(fence, other)| *fence < lease.fence || (*fence == lease.fence && *other == owner))
                );
                held.push((lease.fence, owner));
            }
        }
        // The clock goes on, and sometimes back.
        now = if round % 11 == 3 { now - 2 } else { now + 2 };
        let bytes = session.changed().map_or_else(Vec::new, Document::encode);
        if !bytes.is_empty() {
            session = Session::new(Document::decode(bytes, 0).unwrap(), limits(0), now);
        }
    }
    assert!(held.last().unwrap().0 > 20);
}

#[test]
fn what_is_no_lease_cannot_be_claimed() {
    for value in [
        "1",
        "[]",
        "{}",
        r#"{"owner":"me"}"#,
        r#"{"owner":"me","fence":"1"}"#,
        r#"{"owner":"me","fence":1.0}"#,
        r#"{"owner":"me","fence":-1}"#,
        r#"{"owner":1,"fence":1}"#,
        r#"{"owner":"me","fence":1,"more":1}"#,
        r#"{"owner":"me","fence":99999999999999999999}"#,
    ] {
        let mut session = empty();
        accept(&mut session, [set_until("lock", value, Expiry::After(5))]);
        let rejection = refuse(&mut session, [claim("lock", "me", 10)]);
        assert_eq!(rejection, at(0, Reason::NotALease), "{value}");
    }
    let mut session = holding("lock", r#"{"owner":"me","fence":1}"#);
    assert_eq!(
        refuse(&mut session, [claim("lock", "me", 10)]).reason,
        Reason::NotALease
    );
}

#[test]
fn renewing_keeps_the_number_and_is_a_write_even_for_the_same_time() {
    let mut session = empty();
    accept(&mut session, [claim("lock", "me", 10)]);
    for (fence, milliseconds, version) in [(None, 10, 2), (Some(1), 5, 3), (Some(1), 20, 4)] {
        let reply = accept(&mut session, [renew("lock", "me", fence, milliseconds)]);
        assert_eq!(reply.outcomes, [Outcome::Claimed(lease("me", 1, NOW + milliseconds))]);
        assert_eq!(reply.version, version);
    }
}

#[test]
fn a_lease_that_was_released_is_free() {
    let mut session = empty();
    accept(&mut session, [claim("lock", "me", 10)]);
    let released = outcome(&mut session, release("lock", "me", Some(1)));
    assert_eq!(released, Outcome::Removed(1));
    let claimed = outcome(&mut session, claim("lock", "you", 10));
    assert_eq!(claimed, Outcome::Claimed(lease("you", 3, NOW + 10)));
}

#[test]
fn only_its_owner_with_its_number_renews_or_releases_a_lease() {
    let mut session = empty();
    accept(&mut session, [claim("lock", "me", 10)]);
    for (key, owner, fence) in [
        ("lock", "you", None),
        ("lock", "you", Some(1)),
        ("lock", "me", Some(2)),
        ("lock", "", None),
        ("free", "me", None),
    ] {
        for operation in [renew(key, owner, fence, 10), release(key, owner, fence)] {
            assert_eq!(refuse(&mut session, [operation]), at(0, Reason::NotHeld));
        }
    }
    let mut session = at_time(&session, NOW + 10);
    assert_eq!(
        refuse(&mut session, [renew("lock", "me", None, 10)]),
        at(0, Reason::NotHeld)
    );
}

#[test]
fn what_is_no_lease_is_neither_renewed_nor_released() {
    let mut session = holding("lock", r#"{"owner":"me","fence":1}"#);
    for operation in [renew("lock", "me", Some(1), 10), release("lock", "me", None)] {
        assert_eq!(refuse(&mut session, [operation]), at(0, Reason::NotALease));
    }
}

#[test]
fn owners_and_times_have_limits() {
    accept(&mut empty(), [claim("lock", &"é".repeat(255), 1)]);
    for (owner, milliseconds, named) in [
        ("", 1, "owner"),
        (&*"é".repeat(256), 1, "owner"),
        ("me", 0, "milliseconds"),
        ("me", u64::MAX, "milliseconds"),
    ] {
        let reason = refuse(&mut empty(), [claim("lock", owner, milliseconds)]).reason;
        assert!(matches!(reason, Reason::InvalidArgument { name, .. } if name == named));
    }
    for milliseconds in [0, u64::MAX] {
        let reason = refuse(&mut empty(), [renew("lock", "me", None, milliseconds)]).reason;
        assert!(matches!(
            reason,
            Reason::InvalidArgument {
                name: "milliseconds",
                ..
            }
        ));
    }
}
