//! What most automations do with their state, by name.

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Error, Kv, SetOptions};

impl Kv {
    /// Whether this is the first time that anybody asks about this id, within a time if one is given. Of several who ask at
    /// once, one is the first.
    ///
    /// ```no_run
    /// # async fn example(kv: automation_kv_client::Kv) -> Result<(), automation_kv_client::Error> {
    /// if kv.once("message-17", None).await? {
    ///     // handle it
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn once(&self, id: &str, ttl: Option<Duration>) -> Result<bool, Error> {
        let options = SetOptions {
            if_absent: true,
            ttl,
            ..SetOptions::default()
        };
        match self.set_with(&format!("once:{id}"), &true, options).await {
            Ok(_) => Ok(true),
            Err(Error::Conflict(refusal)) if refusal.code == "key_exists" => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Replaces a value that is as `expected`, none for absent; tells whether it did. For a cursor: of two runs that went on
    /// from the same place, one moves it.
    pub async fn replace<T>(&self, key: &str, expected: Option<&T>, next: &T) -> Result<bool, Error>
    where
        T: Serialize + DeserializeOwned + PartialEq,
    {
        let (present, key_version) = match self.entry::<T>(key).await? {
            Some(entry) => (Some(entry.value), entry.key_version),
            None => (None, 0),
        };
        if present.as_ref() != expected {
            return Ok(false);
        }
        let options = SetOptions {
            if_key_version: Some(key_version),
            keep_ttl: true,
            ..SetOptions::default()
        };
        match self.set_with(key, next, options).await {
            Ok(_) => Ok(true),
            Err(Error::Conflict(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }
}
