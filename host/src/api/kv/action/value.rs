//! Whole values: get, set, delete.

use super::{Action, Wording};
use crate::api::fields::Fields;
use crate::engine::types::{Condition, Expiry, GetOperation, Operation, SetOperation};
use crate::vault::TimestampMs;

/// Reads a value, or something inside it.
pub(super) fn get(key: &str, fields: &mut Fields<'_>) -> Action {
    let operation = Operation::Get(GetOperation {
        key: key.to_string(),
        path: fields.optional_string("path"),
    });
    Action::of(operation, Wording::Usual)
}

/// Stores a value, perhaps on a condition, perhaps for a time.
pub(super) fn set(key: &str, fields: &mut Fields<'_>, now: TimestampMs) -> Action {
    let operation = Operation::Set(SetOperation {
        key: key.to_string(),
        value: fields.required("value").to_string(),
        condition: condition(fields),
        expiry: fields.expiry_or_keep(now).unwrap_or(Expiry::Never),
    });
    Action::of(operation, Wording::Usual)
}

/// Removes a key.
pub(super) fn delete(key: &str) -> Action {
    Action::of(Operation::Delete(key.to_string()), Wording::Deleted)
}

fn condition(fields: &mut Fields<'_>) -> Condition {
    match (fields.flag("nx"), fields.flag("xx")) {
        (true, true) => {
            fields.problem("nx", "cannot be used together with xx", "value_error");
            Condition::Always
        }
        (true, false) => Condition::IfAbsent,
        (false, true) => Condition::IfPresent,
        (false, false) => Condition::Always,
    }
}
