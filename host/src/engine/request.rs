//! Making requests, and weighing them.

use super::types::{Operation, Request, Step};

impl Request {
    /// Operations without any condition on the whole.
    pub fn of(operations: Vec<Operation>) -> Self {
        Self {
            operations,
            if_version: None,
            always_bump: false,
            once: None,
            scope: None,
        }
    }

    /// The bytes of the values that it brings along to be stored.
    pub(crate) fn value_bytes(&self) -> usize {
        self.operations.iter().map(value_bytes).sum()
    }
}

fn value_bytes(operation: &Operation) -> usize {
    match operation {
        Operation::Set(set) => set.value.len(),
        Operation::Push(push) => push.value.len(),
        Operation::Edit(edit) => edit.steps.iter().map(value_bytes_of_step).sum(),
        _ => 0,
    }
}

fn value_bytes_of_step(step: &Step) -> usize {
    match step {
        Step::Set(placed)
        | Step::Insert(placed)
        | Step::Replace(placed)
        | Step::Append(placed)
        | Step::Merge(placed) => placed.value.len(),
        _ => 0,
    }
}
