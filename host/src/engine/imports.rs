//! What the component may call: the interfaces `storage` and `vault`, for one automation.

use wasmtime::StoreLimits;

use super::generated::automation::kv::types::{self, Failure};
use super::generated::automation::kv::{storage, vault};
use crate::storage::Sealed;
use crate::vault::AutomationVault;

/// The host's side of one session.
pub(super) struct SessionState {
    /// Sealed bytes, each until it is used: the stored state, if there is one, and what the engine has sealed.
    pub(super) sealed: Vec<Option<Vec<u8>>>,
    /// Whether a state was stored; it is the first of those then.
    pub(super) is_stored: bool,
    /// What `save` was given.
    pub(super) saved: Option<Sealed>,
    /// The keys of the automation.
    pub(super) vault: AutomationVault,
    /// How much memory the instance may have.
    pub(super) limits: StoreLimits,
}

impl SessionState {
    /// Takes sealed bytes in beside those that are stored, and gives their number.
    pub(super) fn put(&mut self, bytes: Vec<u8>) -> u32 {
        let number = u32::try_from(self.sealed.len()).unwrap_or(u32::MAX);
        self.sealed.push(Some(bytes));
        number
    }

    fn take(&mut self, number: u32) -> Option<Vec<u8>> {
        self.sealed.get_mut(number as usize)?.take()
    }
}

impl storage::Host for SessionState {
    fn load(&mut self) -> wasmtime::Result<Result<Option<u32>, Failure>> {
        Ok(Ok(self.is_stored.then_some(0)))
    }

    fn save(&mut self, sealed: u32, expires_at: Option<u64>) -> wasmtime::Result<Result<(), Failure>> {
        let Some(bytes) = self.take(sealed) else {
            return Ok(Err(Failure::Storage(unknown(sealed))));
        };
        self.saved = Some(Sealed {
            bytes,
            expires_at,
            keep: None,
        });
        Ok(Ok(()))
    }
}

impl vault::Host for SessionState {
    fn open(&mut self, sealed: u32) -> wasmtime::Result<Result<vault::Opened, Failure>> {
        let Some(bytes) = self.take(sealed) else {
            return Ok(Err(Failure::Vault(unknown(sealed))));
        };
        Ok(self
            .vault
            .open(&bytes)
            .map(|opened| vault::Opened {
                plain: opened.plain,
                sealed_at: opened.sealed_at,
            })
            .map_err(|error| Failure::Vault(error.to_string())))
    }

    fn seal(&mut self, plain: Vec<u8>) -> wasmtime::Result<Result<u32, Failure>> {
        // Sealing twice in a session is allowed, without end it is not: only the latest is kept beside the stored one.
        self.sealed.truncate(1);
        let sealed = self.vault.seal(&plain);
        Ok(Ok(self.put(sealed)))
    }
}

fn unknown(number: u32) -> String {
    format!("nothing sealed has the number {number}, or it was used before")
}

impl types::Host for SessionState {}
