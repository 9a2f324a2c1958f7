//! Making requests, and weighing them.

use super::types::{Filter, Operation, Request, Step, Test};

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

    /// The bytes of the values that it brings along or makes, about.
    pub(crate) fn value_bytes(&self) -> usize {
        self.operations.iter().map(value_bytes).sum()
    }
}

fn value_bytes(operation: &Operation) -> usize {
    match operation {
        Operation::Check(check) => match &check.test {
            Test::Equals(value) => value.len(),
            _ => 0,
        },
        Operation::Set(set) => set.value.len(),
        Operation::Edit(edit) => edit.steps.iter().map(value_bytes_of_step).sum(),
        Operation::Push(push) => push.value.len(),
        Operation::Remove(remove) => match &remove.matching {
            Filter::Equals(value) => value.len(),
            Filter::FieldEquals(field) => field.value.len(),
            Filter::OlderThan(_) => 0,
        },
        _ => 0,
    }
}

fn value_bytes_of_step(step: &Step) -> usize {
    /// What is copied is in the state, so how much it is nobody knows beforehand.
    const OF_A_COPY: usize = 16 << 10;
    match step {
        Step::Set(placed)
        | Step::Insert(placed)
        | Step::Replace(placed)
        | Step::Append(placed)
        | Step::Merge(placed)
        | Step::Test(placed) => placed.value.len(),
        Step::Copy(_) => OF_A_COPY,
        Step::Remove(_) | Step::Increment(_) | Step::Move(_) => 0,
    }
}
