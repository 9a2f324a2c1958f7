//! How long keys live: expire, persist.

use super::{Action, Wording};
use crate::api::fields::Fields;
use crate::engine::types::{ExpireOperation, Expiry, Operation};
use crate::vault::TimestampMs;

/// Lets a key stop to exist at a time.
pub(super) fn expire(key: &str, fields: &mut Fields<'_>, now: TimestampMs) -> Action {
    set(key, fields.required_expiry(now))
}

/// Lets a key live for ever.
pub(super) fn persist(key: &str) -> Action {
    set(key, Expiry::Never)
}

fn set(key: &str, expiry: Expiry) -> Action {
    let operation = Operation::Expire(ExpireOperation {
        key: key.to_string(),
        expiry,
    });
    Action::of(operation, Wording::Usual)
}
