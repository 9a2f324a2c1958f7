//! The names of operations as a list of texts, where types that hold them are written as JSON.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::types::OperationNames;
use crate::scope;

impl Serialize for OperationNames {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        scope::names(*self).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for OperationNames {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let names = Vec::<String>::deserialize(deserializer)?;
        let operation = |name: &String| scope::operation(name).ok_or_else(|| D::Error::custom("no operation"));
        names
            .iter()
            .try_fold(Self::empty(), |operations, name| Ok(operations | operation(name)?))
    }
}
