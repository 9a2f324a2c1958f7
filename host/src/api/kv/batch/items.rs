//! The operations of a batch, as they were sent.

use crate::api::fields::Fields;
use crate::api::kv::action::{self, Action, Wording};
use crate::engine::types::Operation;
use crate::vault::TimestampMs;

/// The most operations in one batch.
pub(in crate::api::kv) const MAX_OPERATIONS: usize = 100;

/// An operation as it was sent, and what the engine is asked for it.
pub(super) struct Item {
    pub(super) name: String,
    pub(super) key: String,
    /// How many of the engine's operations it is.
    pub(super) count: usize,
    pub(super) wording: Wording,
    operations: Vec<Operation>,
}

impl Item {
    /// What the engine is asked; nothing the second time.
    pub(super) fn take_operations(&mut self) -> Vec<Operation> {
        std::mem::take(&mut self.operations)
    }
}

/// Reads the member `operations`.
pub(super) fn read(fields: &mut Fields<'_>, now: TimestampMs) -> Vec<Item> {
    let mut items = Vec::new();
    for mut inner in fields.operations("operations", MAX_OPERATIONS) {
        let name = inner.required_string("op");
        let key = inner.required_string("key");
        match Action::read(&name, &key, &mut inner, now) {
            Some(action) => {
                items.push(item(name, key, action));
                fields.absorb(inner.finish());
            }
            None => {
                if !name.is_empty() {
                    // The name may be anything, so it is not repeated.
                    inner.problem("op", &format!("must be one of {}", action::NAMES), "literal_error");
                }
                // Without a known name, no other member can be judged.
                fields.absorb(inner.finish_leniently());
            }
        }
    }
    items
}

fn item(name: String, key: String, action: Action) -> Item {
    Item {
        name,
        key,
        count: action.operations.len(),
        wording: action.wording,
        operations: action.operations,
    }
}
