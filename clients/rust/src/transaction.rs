//! Read, change, write, and again if somebody else was faster.

use std::time::Instant;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Error, Kv, SetOptions};

/// How many writes with an `Idempotency-Key` the service remembers. Within them a lost answer comes again; beyond them a
/// conflict may be with one's own write.
const REMEMBERED_WRITES: u64 = 128;

impl Kv {
    /// Changes a value: `change` gets what is there, if anything, and gives what is to be there. If somebody else writes
    /// the key in between, or the service was busy, `change` is asked again with what is there then, so it should do nothing
    /// else. Gives what was written. A time to live stays as it is.
    ///
    /// ```no_run
    /// # async fn example(kv: automation_kv_client::Kv) -> Result<(), automation_kv_client::Error> {
    /// let seen = kv
    ///     .transaction("seen", |seen: Option<Vec<u64>>| {
    ///         let mut seen = seen.unwrap_or_default();
    ///         seen.push(17);
    ///         seen
    ///     })
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// [`Error::Conflict`] comes only if others were faster for as long as [`Retry::total`](crate::Retry::total) says, and
    /// [`Error::OutcomeUnknown`] if an answer got lost and the state has moved on by more than the service remembers.
    pub async fn transaction<T, F>(&self, key: &str, mut change: F) -> Result<T, Error>
    where
        T: Serialize + DeserializeOwned,
        F: FnMut(Option<T>) -> T,
    {
        let begun = Instant::now();
        let (mut conflicts, mut refusals) = (0, 0);
        loop {
            let (value, key_version, version) = match self.entry(key).await? {
                Some(entry) => (Some(entry.value), entry.key_version, entry.version),
                None => (None, 0, 0),
            };
            let next = change(value);
            let options = SetOptions {
                if_key_version: Some(key_version),
                keep_ttl: true,
                ..SetOptions::default()
            };
            let (written, told) = self.set_from_read(key, &next, options, refusals).await;
            let error = match written {
                Ok(_) => return Ok(next),
                Err(error) if told.pause.is_some() || matches!(error, Error::Conflict(_)) => error,
                Err(error) => return Err(error),
            };
            if told.was_lost {
                let now = self.version_now().await.ok();
                if now.is_none_or(|now| now > version + REMEMBERED_WRITES) {
                    return Err(Error::OutcomeUnknown(error.to_string()));
                }
            }
            let pause = if let Some(pause) = told.pause {
                refusals += 1;
                pause
            } else {
                conflicts += 1;
                self.retry.pause(conflicts, None)
            };
            if begun.elapsed() + pause >= self.retry.total {
                return Err(error);
            }
            tokio::time::sleep(pause).await;
        }
    }
}
