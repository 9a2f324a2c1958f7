//! Removing the items of a list, or the members of an object, that match: remove, prune.

use super::{Action, Wording};
use crate::api::fields::Fields;
use crate::engine::types::{Age, FieldValue, Filter, Operation, RemoveOperation};

/// Removes those that are equal to `value`, or whose field is as `where` says.
pub(super) fn remove(key: &str, fields: &mut Fields<'_>) -> Action {
    let value = fields.take("value");
    let matching = match (value, fields.has("where")) {
        (Some(value), false) => Filter::Equals(value.to_string()),
        (None, true) => by_field(fields),
        (Some(_), true) => {
            fields.take("where");
            fields.problem("where", "cannot be used together with value", "value_error");
            nothing()
        }
        (None, false) => {
            fields.problem("value", "Field required, or where", "missing");
            nothing()
        }
    };
    action(key, matching)
}

/// Removes those whose time is longer ago than `older_than`.
pub(super) fn prune(key: &str, fields: &mut Fields<'_>) -> Action {
    let age = Age {
        field: fields.optional_string("field"),
        milliseconds: fields.required_seconds("older_than"),
    };
    action(key, Filter::OlderThan(age))
}

fn action(key: &str, matching: Filter) -> Action {
    let operation = Operation::Remove(RemoveOperation {
        key: key.to_string(),
        matching,
    });
    Action::of(operation, Wording::Usual)
}

/// Reads `where`: a field, and what it `equals` or since when it is `older_than`.
fn by_field(fields: &mut Fields<'_>) -> Filter {
    let Some(mut inner) = fields.object("where") else {
        return nothing();
    };
    let field = inner.required_string("field");
    let filter = match (inner.has("equals"), inner.has("older_than")) {
        (true, false) => Filter::FieldEquals(FieldValue {
            field,
            value: inner.required("equals").to_string(),
        }),
        (false, true) => Filter::OlderThan(Age {
            field: Some(field),
            milliseconds: inner.required_seconds("older_than"),
        }),
        (true, true) => {
            for name in ["equals", "older_than"] {
                inner.take(name);
            }
            inner.problem("equals", "cannot be used together with older_than", "value_error");
            nothing()
        }
        (false, false) => {
            inner.problem("equals", "Field required, or older_than", "missing");
            nothing()
        }
    };
    fields.absorb(inner.finish());
    filter
}

/// Stands for a filter that was refused.
fn nothing() -> Filter {
    Filter::Equals("null".to_string())
}
