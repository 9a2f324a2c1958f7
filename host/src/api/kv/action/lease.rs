//! Leases: claim, renew, release.
//!
//! The engine knows how to claim. The rest is made of general operations on the value of a lease,
//! `{"owner": …, "fence": …}`.

use super::{Action, Wording};
use crate::api::error::ApiError;
use crate::api::expiry::longest_ms;
use crate::api::fields::Fields;
use crate::api::json;
use crate::api::kv::read::read;
use crate::api::kv::write::{Refusal, Write};
use crate::api::precondition::check;
use crate::engine::types::{ClaimOperation, ExpireOperation, Expiry, GetOperation, Operation, Outcome, Reason, Test};
use crate::vault::TimestampMs;

/// Asks for a lease for some time.
pub(super) fn claim(key: &str, fields: &mut Fields<'_>, now: TimestampMs) -> Action {
    let owner = fields.required_string("owner");
    let ttl_ms = fields.required_number("ttl_ms", 1..=longest_ms(now));
    let operation = Operation::Claim(ClaimOperation {
        key: key.to_string(),
        owner: owner.clone(),
        milliseconds: ttl_ms,
    });
    Action::of(operation, Wording::Lease { owner, ttl_ms })
}

/// Gives a lease that its owner has another time.
pub(super) fn renew(key: &str, fields: &mut Fields<'_>, now: TimestampMs) -> Action {
    let owner = fields.required_string("owner");
    let ttl_ms = fields.required_number("ttl_ms", 1..=longest_ms(now));
    let mut operations = is_held(key, &owner, fields);
    operations.push(Operation::Expire(ExpireOperation {
        key: key.to_string(),
        expiry: Expiry::After(ttl_ms),
    }));
    operations.push(Operation::Get(GetOperation {
        key: key.to_string(),
        path: Some("fence".to_string()),
    }));
    Action {
        operations,
        wording: Wording::Lease { owner, ttl_ms },
    }
}

/// Gives a lease back before its time is over.
pub(super) fn release(key: &str, fields: &mut Fields<'_>) -> Action {
    let owner = fields.required_string("owner");
    let mut operations = is_held(key, &owner, fields);
    operations.push(Operation::Delete(key.to_string()));
    Action {
        operations,
        wording: Wording::Released,
    }
}

/// Checks that an owner has the lease, and with this `fence` if there is one.
fn is_held(key: &str, owner: &str, fields: &mut Fields<'_>) -> Vec<Operation> {
    let fence = match fields.number("fence", 1..=u64::MAX) {
        Some(fence) => Test::Equals(fence.to_string()),
        None => Test::Exists,
    };
    vec![
        check(key, Some("owner".to_string()), Test::Equals(json::string(owner))),
        check(key, Some("fence".to_string()), fence),
    ]
}

/// Whether only its owner can do this to a lease.
pub(super) fn is_owners(name: &str) -> bool {
    matches!(name, "renew" | "release")
}

/// Why an owner could not do something to a lease. What is no lease at all is worth another word.
pub(super) async fn refused(write: &Write, refusal: Refusal<'_>) -> ApiError {
    if !matches!(refusal.reason(), Some(Reason::CheckFailed(_))) {
        return refusal.into_error();
    }
    let found = read(
        write.caller(),
        write.key(),
        Operation::Get(GetOperation {
            key: write.key().to_string(),
            path: Some("fence".to_string()),
        }),
    );
    match found.await.map(|read| read.outcome) {
        Ok(Outcome::Value(fence)) if fence.attributes.expires_at.is_some() => refusal.into_error(),
        Ok(_) => ApiError::not_a_lease(write.key()),
        Err(error) if error.is("invalid_path") => ApiError::not_a_lease(write.key()),
        Err(_) => refusal.into_error(),
    }
}
