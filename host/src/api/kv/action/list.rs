//! Lists: push, pop, range, trim, length.

use super::{Action, Wording};
use crate::api::fields::Fields;
use crate::engine::types::{Expiry, ListEnd, Operation, PopOperation, PushOperation, RangeOperation};
use crate::vault::TimestampMs;

/// The most items that are taken at once.
pub(in crate::api::kv) const MAX_COUNT: u64 = 1000;

/// Adds an item at one end; of more than `max_len` items some fall off the other.
pub(super) fn push(key: &str, fields: &mut Fields<'_>, end: ListEnd, now: TimestampMs) -> Action {
    let operation = Operation::Push(PushOperation {
        key: key.to_string(),
        value: fields.required("value").to_string(),
        end,
        max_length: fields.number("max_len", 1..=u64::MAX),
        expiry: fields.expiry(now).unwrap_or(Expiry::Keep),
    });
    Action::of(operation, Wording::Usual)
}

/// Takes an item from one end, or `count` of them.
pub(super) fn pop(key: &str, fields: &mut Fields<'_>, end: ListEnd) -> Action {
    let count = fields.number("count", 1..=MAX_COUNT);
    let operation = Operation::Pop(PopOperation {
        key: key.to_string(),
        end,
        count: count.and_then(|count| u32::try_from(count).ok()).unwrap_or(1),
    });
    Action::of(operation, count.map_or(Wording::OneItem, |_| Wording::Usual))
}

/// Reads some items, all unless something else is said.
pub(super) fn range(key: &str, fields: &mut Fields<'_>) -> Action {
    let range = RangeOperation {
        key: key.to_string(),
        start: fields.index("start").unwrap_or(0),
        stop: fields.index("stop").unwrap_or(-1),
    };
    Action::of(Operation::Range(range), Wording::Range)
}

/// Keeps some items and drops the others.
pub(super) fn trim(key: &str, fields: &mut Fields<'_>) -> Action {
    let range = RangeOperation {
        key: key.to_string(),
        start: fields.required_index("start"),
        stop: fields.required_index("stop"),
    };
    Action::of(Operation::Trim(range), Wording::Usual)
}

/// Counts the items.
pub(super) fn length(key: &str) -> Action {
    Action::of(Operation::Length(key.to_string()), Wording::Usual)
}
