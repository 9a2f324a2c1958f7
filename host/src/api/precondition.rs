//! What must hold for the key of a single write, as its caller says it in a parameter or a header.

use super::if_version::IfVersion;
use crate::engine::types::{CheckOperation, Operation, Test};

/// What must hold.
#[derive(Debug, Clone)]
pub(super) enum Precondition {
    /// `if_key_version`: the key has this version; 0 is that of an absent one.
    KeyVersion(IfVersion),
    /// `If-Match` or `If-None-Match`.
    Header(Test),
}

impl Precondition {
    /// As the engine checks it.
    pub(super) fn check(&self, key: &str) -> Operation {
        let test = match self {
            Self::KeyVersion(version) => match u64::try_from(version.number) {
                Ok(0) => Test::Absent,
                Ok(number) => Test::KeyVersion(vec![number]),
                Err(_) => Test::KeyVersion(Vec::new()),
            },
            Self::Header(test) => test.clone(),
        };
        check(key, None, test)
    }
}

/// A check of a key, or of a place in its value.
pub(super) fn check(key: &str, path: Option<String>, test: Test) -> Operation {
    Operation::Check(CheckOperation {
        key: key.to_string(),
        path,
        test,
    })
}
