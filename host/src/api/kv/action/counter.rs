//! Counters: incr, decr.

use super::{Action, Wording};
use crate::api::fields::Fields;
use crate::engine::types::{CountOperation, Operation};

/// By how much to count when nobody says.
pub(in crate::api::kv) const DEFAULT_BY: &str = "1";

/// Adds to an integer, or takes from it.
pub(super) fn count(key: &str, fields: &mut Fields<'_>, operation: fn(CountOperation) -> Operation) -> Action {
    let count = CountOperation {
        key: key.to_string(),
        by: fields.take("by").unwrap_or(DEFAULT_BY).to_string(),
    };
    Action::of(operation(count), Wording::Usual)
}
