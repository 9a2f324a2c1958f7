//! What most automations do with their state, by name.

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Entry, Error, Kv, SetOptions};

/// How far something got, under a key of its own. Of two runs that went on from the same place, one moves it.
#[derive(Debug)]
pub struct Cursor<T> {
    kv: Kv,
    key: String,
    value: Option<T>,
    key_version: u64,
}

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

    /// A cursor, as it is now.
    ///
    /// ```no_run
    /// # async fn example(kv: automation_kv_client::Kv) -> Result<(), automation_kv_client::Error> {
    /// let mut cursor = kv.cursor::<u64>("feed").await?;
    /// let next = cursor.value().copied().unwrap_or(0) + 1;
    /// cursor.advance(next).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn cursor<T: Serialize + DeserializeOwned>(&self, key: &str) -> Result<Cursor<T>, Error> {
        let (value, key_version) = match self.entry(key).await? {
            Some(Entry { value, key_version, .. }) => (Some(value), key_version),
            None => (None, 0),
        };
        Ok(Cursor {
            kv: self.clone(),
            key: key.to_owned(),
            value,
            key_version,
        })
    }
}

impl<T: Serialize + DeserializeOwned> Cursor<T> {
    /// Where it stands; none if it was never moved.
    pub fn value(&self) -> Option<&T> {
        self.value.as_ref()
    }

    /// Moves it. [`Error::Conflict`] if somebody else has moved it meanwhile.
    pub async fn advance(&mut self, value: T) -> Result<(), Error> {
        let options = SetOptions {
            if_key_version: Some(self.key_version),
            keep_ttl: true,
            ..SetOptions::default()
        };
        self.key_version = self.kv.set_with(&self.key, &value, options).await?;
        self.value = Some(value);
        Ok(())
    }
}
