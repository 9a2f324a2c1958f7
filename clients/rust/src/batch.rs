//! Several operations at once, all or none.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::{Call, Error, Kv, Method};

/// Operations that happen together or not at all.
///
/// ```no_run
/// # async fn example(kv: automation_kv_client::Kv) -> Result<(), automation_kv_client::Error> {
/// kv.batch().set("cursor", &17).increment("runs", 1).send().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "nothing happens before `send`"]
pub struct Batch<'a> {
    kv: &'a Kv,
    operations: Vec<Value>,
    if_version: Option<u64>,
    problem: Option<Error>,
}

/// What came of a batch.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct BatchReply {
    /// The state's version.
    pub version: u64,
    /// What came of each operation, in order.
    pub results: Vec<Value>,
}

impl Kv {
    /// Begins a batch.
    pub fn batch(&self) -> Batch<'_> {
        Batch {
            kv: self,
            operations: Vec::new(),
            if_version: None,
            problem: None,
        }
    }
}

impl Batch<'_> {
    /// Goes ahead only if the state has this version.
    pub fn if_version(mut self, version: u64) -> Self {
        self.if_version = Some(version);
        self
    }

    /// Stores a value.
    pub fn set<T: Serialize + ?Sized>(self, key: &str, value: &T) -> Self {
        self.valued("set", key, value)
    }

    /// Removes a key.
    pub fn delete(self, key: &str) -> Self {
        self.operation("delete", key, Map::new())
    }

    /// Reads a value as it is at this point of the batch.
    pub fn read(self, key: &str) -> Self {
        self.operation("read", key, Map::new())
    }

    /// Adds to an integer.
    pub fn increment(self, key: &str, by: i64) -> Self {
        self.operation("incr", key, Map::from_iter([("by".to_owned(), json!(by))]))
    }

    /// Adds an item at the end of a list.
    pub fn push<T: Serialize + ?Sized>(self, key: &str, item: &T) -> Self {
        self.valued("rpush", key, item)
    }

    /// Goes on only if the key has this version; 0: does not exist.
    pub fn check_version(self, key: &str, key_version: u64) -> Self {
        self.operation(
            "check",
            key,
            Map::from_iter([("version".to_owned(), json!(key_version))]),
        )
    }

    /// Any operation of the API, with its members beside `op` and `key`.
    pub fn operation(mut self, op: &str, key: &str, members: Map<String, Value>) -> Self {
        let mut operation = Map::from_iter([("op".to_owned(), json!(op)), ("key".to_owned(), json!(key))]);
        operation.extend(members);
        self.operations.push(Value::Object(operation));
        self
    }

    /// Sends it. What one operation is refused for is [`Error::Invalid`], and nothing happened.
    pub async fn send(self) -> Result<BatchReply, Error> {
        if let Some(problem) = self.problem {
            return Err(problem);
        }
        let mut body = json!({ "operations": self.operations });
        if let Some(version) = self.if_version {
            body["if_version"] = json!(version);
        }
        let call = Call::on_state(Method::POST, "batch").body(body.to_string());
        self.kv.send(call).await?.read()
    }

    fn valued<T: Serialize + ?Sized>(mut self, op: &str, key: &str, value: &T) -> Self {
        match serde_json::to_value(value) {
            Ok(value) => self.operation(op, key, Map::from_iter([("value".to_owned(), value)])),
            Err(error) => {
                self.problem.get_or_insert(Error::value(key, error));
                self
            }
        }
    }
}
