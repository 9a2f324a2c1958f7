//! Making requests.

use super::types::{Operation, Request};

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
}
