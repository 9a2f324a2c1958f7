//! Leases: claim, renew, release.

use super::{Action, Wording};
use crate::api::expiry::longest_ms;
use crate::api::fields::Fields;
use crate::engine::types::{ClaimOperation, Operation, ReleaseOperation, RenewOperation};
use crate::vault::TimestampMs;

/// Asks for a lease for some time.
pub(super) fn claim(key: &str, fields: &mut Fields<'_>, now: TimestampMs) -> Action {
    let (owner, ttl_ms) = (owner(fields), ttl_ms(fields, now));
    let operation = Operation::Claim(ClaimOperation {
        key: key.to_string(),
        owner,
        milliseconds: ttl_ms,
    });
    Action::of(operation, Wording::Lease { ttl_ms })
}

/// Gives a lease that its owner has another time.
pub(super) fn renew(key: &str, fields: &mut Fields<'_>, now: TimestampMs) -> Action {
    let (owner, ttl_ms) = (owner(fields), ttl_ms(fields, now));
    let operation = Operation::Renew(RenewOperation {
        key: key.to_string(),
        owner,
        fence: fence(fields),
        milliseconds: ttl_ms,
    });
    Action::of(operation, Wording::Lease { ttl_ms })
}

/// Gives a lease back before its time is over.
pub(super) fn release(key: &str, fields: &mut Fields<'_>) -> Action {
    let operation = Operation::Release(ReleaseOperation {
        key: key.to_string(),
        owner: owner(fields),
        fence: fence(fields),
    });
    Action::of(operation, Wording::Released)
}

fn owner(fields: &mut Fields<'_>) -> String {
    fields.required_string("owner")
}

fn ttl_ms(fields: &mut Fields<'_>, now: TimestampMs) -> u64 {
    fields.required_number("ttl_ms", 1..=longest_ms(now))
}

fn fence(fields: &mut Fields<'_>) -> Option<u64> {
    fields.number("fence", 1..=u64::MAX)
}
